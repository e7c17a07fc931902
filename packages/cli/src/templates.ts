/** What `orch new` writes. Each works as it is, after `npm install`. */

type Files = Readonly<Record<string, string>>;

const pulumiVersion = "^3.270.0";

const tsconfig = `{
  "compilerOptions": {
    "target": "ES2022",
    "module": "NodeNext",
    "moduleResolution": "NodeNext",
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "types": ["node"]
  },
  "include": ["*.ts"]
}
`;

const packageJson = (name: string, dependencies: Readonly<Record<string, string>>): string =>
  `${JSON.stringify(
    {
      name: name.toLowerCase(),
      version: "0.0.0",
      private: true,
      dependencies,
      devDependencies: { "@types/node": "^24.0.0", typescript: "^5.9.0" },
    },
    undefined,
    2,
  )}\n`;

const gitignore = "node_modules/\n.orch/\n*.plan\n";

export const templates = {
  /** Files on this machine, through orch's own host provider: nothing else is needed. */
  typescript: (name: string, version: string): Files => ({
    "orch.yaml": `name: ${JSON.stringify(name)}\ndescription: Files on this machine\n`,
    "index.ts": `import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const folder = config.get("folder") ?? join(process.cwd(), "out");

const directory = new host.Directory("out", { path: folder });

const greeting = new host.File("greeting", {
  path: pulumi.interpolate\`\${directory.path}/greeting.txt\`,
  content: \`Hello from \${pulumi.getProject()}/\${pulumi.getStack()}\\n\`,
});

export const path = greeting.path;
`,
    "package.json": packageJson(name, { "@orch/providers": `^${version}`, "@pulumi/pulumi": pulumiVersion }),
    "tsconfig.json": tsconfig,
    ".gitignore": gitignore,
  }),
  /** A program that Pulumi runs as well. */
  pulumi: (name: string, _version: string): Files => ({
    "Pulumi.yaml": `name: ${JSON.stringify(name)}\nruntime: nodejs\ndescription: A Pulumi program\n`,
    "index.ts": `import { randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** A dynamic provider: a few functions that make and delete something. Other packages come from npm: @pulumi/aws, @pulumi/kubernetes and so on. */
const provider: pulumi.dynamic.ResourceProvider<{ length: number }, { length: number; text: string }> = {
  async create({ length }) {
    const text = randomBytes(length).toString("hex").slice(0, length);
    return { id: text, outs: { length, text } };
  },
  async diff(_id, olds, news) {
    return { changes: olds.length !== news.length, replaces: olds.length === news.length ? [] : ["length"] };
  },
};

class RandomText extends pulumi.dynamic.Resource {
  declare readonly text: pulumi.Output<string>;
  constructor(name: string, args: { length: number }) {
    super(provider, name, { ...args, text: undefined });
  }
}

const config = new pulumi.Config();
const suffix = new RandomText("suffix", { length: config.getNumber("length") ?? 8 });

export const text = suffix.text;
`,
    "package.json": packageJson(name, { "@pulumi/pulumi": pulumiVersion }),
    "tsconfig.json": tsconfig,
    ".gitignore": gitignore,
  }),
} as const;

export type Template = keyof typeof templates;
