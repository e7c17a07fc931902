import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const login = (prefix: string): host.SshLogin => ({
  host: "127.0.0.1",
  port: config.requireNumber(`${prefix}Port`),
  user: config.require("user"),
  privateKeyFile: config.require(`${prefix}Key`),
  passphrase: config.getSecret(`${prefix}Passphrase`),
  knownHostsFile: config.require(`${prefix}KnownHosts`),
  connectTimeout: 5,
});

const jump = config.get("jumpPort") === undefined ? undefined : login("jump");
const web = new host.Provider("web", {
  connection: { type: "ssh", ...login("web"), jump },
});
const onWeb = { provider: web };

const folder = new host.Directory("site", { path: config.require("folder"), mode: "0750" }, onWeb);

const facts = host.factsOutput({}, onWeb);
const page = new host.File(
  "page",
  {
    path: pulumi.interpolate`${folder.path}/index.html`,
    template: "<h1>{{ greeting }}</h1>\n<p>{{ kernel }}</p>\n",
    variables: { greeting: config.get("greeting") ?? "Hello", kernel: facts.kernel },
    mode: "0644",
  },
  onWeb,
);

const credentials = new host.File(
  "credentials",
  {
    path: pulumi.interpolate`${folder.path}/credentials`,
    content: pulumi.interpolate`token=${config.requireSecret("token")}\n`,
  },
  onWeb,
);

// What only a script can do: an index of the page, made anew when the page changes.
const index = new host.Command(
  "index",
  {
    create: 'sha256sum < "$PAGE" > "$INDEX"; echo indexed',
    read: 'cat "$INDEX"',
    delete: 'rm -f "$INDEX"',
    environment: {
      PAGE: page.path,
      INDEX: pulumi.interpolate`${folder.path}/index.sha256`,
      TOKEN: config.requireSecret("token"),
    },
    triggers: [page.sha256],
  },
  onWeb,
);

export const path = page.path;
export const indexed = index.stdout;
export const credentialsMode = credentials.mode;
export const user = facts.user;
