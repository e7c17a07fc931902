/** Where a property stands in the text of a program, found from the place of the constructor. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePath } from "../../../packages/core/src/model/path.js";
import { openSource, type Span } from "../../../packages/core/src/program/source-place.js";

/** What is underlined, with its line; the constructor is where `«` stands in the text. */
function find(marked: string, path: string, name?: string): string | undefined {
  const before = marked.split("«")[0] as string;
  const text = marked.replace("«", "");
  const at = { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
  const place = openSource("index.ts", text)?.find({
    at,
    path: parsePath(path),
    ...(name === undefined ? {} : { name }),
  });
  return place === undefined ? undefined : shown(text, place);
}

const shown = (text: string, { line, column, length }: Span): string =>
  `${line}: ${(text.split("\n")[line - 1] as string).slice(column - 1, column - 1 + length)}`;

describe("a property's place", () => {
  test("in the literal of the arguments, at any depth", () => {
    const text = `const x = 1;
«new k8s.Deployment("web", {
  spec: {
    template: { spec: { containers: [{ name: "a" }, { name: "b", imagee: "nginx" }] } },
    "replicas": "three",
  },
});`;
    expect(find(text, "spec.template.spec.containers[1].imagee")).toBe('4: imagee: "nginx"');
    expect(find(text, "spec.template.spec.containers[0]")).toBe('4: { name: "a" }');
    expect(find(text, "spec.replicas")).toBe('5: "replicas": "three"');
    // As Kubernetes names places in lists.
    expect(find(text, 'spec.template.spec.containers["name=b"].imagee')).toBe('4: imagee: "nginx"');
    expect(find(text, 'spec.template.spec.containers["name=c"].imagee')).toMatch(/^4: containers: \[/);
    // What is missing is shown in what it is missing from; of many lines the name alone.
    expect(find(text, "spec.selector")).toBe("3: spec");
    expect(find(text, "metadata.name")).toBe("2: new k8s.Deployment");
  });

  test("through names, spreads, casts, helpers and what is made by functions", () => {
    expect(find(`const args = { port: "x" };\n«new A("a", args as any);`, "port")).toBe('1: port: "x"');
    expect(find(`const port = 1;\n«new A("a", { port });`, "port")).toBe("2: port");
    expect(find(`const base = { port: 1, host: 2 };\n«new A("a", { ...base, port: 3 });`, "host")).toBe(
      "1: host: 2",
    );
    expect(find(`const base = { port: 1 };\n«new A("a", { ...base, port: 3 });`, "port")).toBe("2: port: 3");
    expect(
      find(
        `const labels = () => ({ app: 1 });\n«new A("a", { metadata: { labels: labels() } });`,
        "metadata.labels.app",
      ),
    ).toBe("1: app: 1");
    expect(find(`«new A("a", { rules: ports.map((port) => ({ port, from: 0 })) });`, "rules[3].from")).toBe(
      "1: from: 0",
    );
    expect(find(`«new A("a", { x: pulumi.output({ y: 1 }) });`, "x.y")).toBe("1: y: 1");
    expect(find(`«new A("a", big ? { x: 1 } : { x: 2, y: 3 });`, "y")).toBe("1: y: 3");
    // Behind a spread nobody can count.
    expect(find(`«new A("a", { list: [...more, { x: 1 }] });`, "list[1].x")).toBe(
      "1: list: [...more, { x: 1 }]",
    );
  });

  test("of a helper's own calls the one that names the resource", () => {
    const text = `function make(name: string, { port, ...more }: Args, args: any) {
  return «new A(\`\${name}-a\`, { port, ...args });
}
make("one", { port: 1 }, { size: 1 });
make("two", { port: 2 }, { size: 2 });`;
    expect(find(text, "size", "two-a")).toBe("5: size: 2");
    expect(find(text, "size", "one-a")).toBe("4: size: 1");
    expect(find(text, "size", "other")).toBe("2: new A");
  });

  test("inside a component's class", () => {
    const text = `class Web extends pulumi.ComponentResource {
  constructor(name: string, args: { size: number }) {
    super("shop:index:Web", name);
    «new A(name, { size: args.size, disk: { gb: args.size } }, { parent: this });
  }
}
new Web("shop", { size: 0 });`;
    expect(find(text, "size")).toBe("4: size: args.size");
    expect(find(text, "disk.gb")).toBe("4: gb: args.size");
  });

  test("of a function as V8 tells it: by its last name", () => {
    expect(find(`aws.ec2.«getAmi({ owners: [1] });`, "owners[0]")).toBe("1: 1");
    expect(find(`x.y«;`, "owners")).toBeUndefined();
    expect(openSource("index.py", "x")).toBeUndefined();
  });

  test("recursion and files that do not compile come to an end", () => {
    expect(find(`function f(a: any): any { return f(a); }\n«new A("a", f({ x: 1 }));`, "x")).toBeDefined();
    expect(find(`const a = { ...b }, b = { ...a };\n«new A("a", a);`, "x")).toBe("2: new A");
    expect(find(`«new A("a", { x: , y: 2 \n`, "y")).toBe("1: y: 2");
  });

  test("never fails, whatever the text, the place and the path", () => {
    const pieces = fc.constantFrom(
      ...'new A(|{|}|[|]|(|)|x|:|,|...|const x =|=>|function f(a)|return|\n|"a"|`${|1|.y|;'.split("|"),
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 40 }),
        fc.nat(40),
        fc.nat(4),
        fc.constantFrom("x", "x.y", "x[0].y", "y[1]"),
        (parts, column, line, path) => {
          const text = parts.join(" ");
          const source = openSource("a.ts", text);
          source?.secrets(1, 5);
          const place = source?.find({ at: { line: line + 1, column: column + 1 }, path: parsePath(path) });
          if (place !== undefined) expect(place.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test("secrets in a program's text: what is marked as one, and what is called like one", () => {
  const text = `new A("a", {
  content: pulumi.secret("hunter2"),
  password: "hunter2",
  adminPasswords: \`hunter\${2}hunter\`,
  secretName: "web-tls",
  token: config.requireSecret("token"),
});
const apiKey = "hunter2";`;
  const spans = openSource("index.ts", text)?.secrets(1, 8) ?? [];
  expect(spans.map((span) => shown(text, span))).toEqual([
    '2: "hunter2"',
    '3: "hunter2"',
    "4: `hunter${",
    "4: }hunter`",
    '8: "hunter2"',
  ]);
});
