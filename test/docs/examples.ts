/**
 * The examples of commands (`orch COMMAND --help`, docs/reference/commands), each run by itself in the project `shop` as it was a moment before: with what has
 * to be there first, what a person types, what must be printed, and the exit code. A new example gets a line here.
 */
import type { Answers } from "./sandbox.js";

export interface Example {
  /** What must be in the output. */
  readonly prints: string | RegExp;
  /** Commands that bring about the situation that the example is for. */
  readonly given?: string;
  /** At a terminal, where it asks. */
  readonly answers?: Answers;
  /** Default 0. */
  readonly exit?: number;
  /** Systems of the lab (test/lab/tools): run by `npm run test:lab`, not by `npm test`. */
  readonly needs?: readonly string[];
  /** Commands that succeed only if it did what it was to do. */
  readonly after?: string;
}

/** The program of `shop`. Its AWS is the stand-in plugin of test/plugins. */
export const program = `
import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const aws = (type: string) =>
  class extends pulumi.CustomResource {
    constructor(name: string, args: pulumi.Inputs) {
      super(type, name, args, { version: "7.48.0" });
    }
  };
const vpc = new (aws("aws:ec2/vpc:Vpc"))("vpc", { name: \`vpc-\${pulumi.getStack()}\`, cidrBlock: "10.0.0.0/16" });
const db = new (aws("aws:rds/instance:Instance"))("db", {
  name: \`db-\${pulumi.getStack()}\`,
  engine: "postgres",
  network: vpc.id,
  password: config.requireSecret("dbPassword"),
});
new (aws("aws:s3/bucket:Bucket"))("logs", { tags: { team: "shop" } });
new host.File("web-config", {
  path: join(process.cwd(), \`\${pulumi.getStack()}.conf\`),
  content: pulumi.interpolate\`database \${db.id}\\nworkers \${config.get("workers") ?? "1"}\\n\`,
});
export const url = "https://shop.example.com/";
`;

/** Makes it: three stacks; four runs of dev, which is selected. */
export const situation = `
export CLOUD_STORE="$HOME/cloud.json"
begin() {
  orch stack init $1
  orch config set aws:region eu-central-1
  orch config set --path 'servers[0].name' mail
  echo hunter2-password | orch config set dbPassword --secret
  orch apply --yes
}
begin dev
for workers in 2 3 4; do
  orch config set workers $workers
  orch apply --yes
done
begin prod
begin review-42
orch stack select dev
`;

const urn = "urn:pulumi:dev::shop";
const yes: Answers = [["[yes/no/details]", "yes\r"]];
const change = "orch config set workers 5";
const keptPlan = `${change}; orch plan --out change.plan`;
const drifted = "echo tampered > dev.conf";
/** As a run of GitHub Actions for a pull request has it. */
const onGitHub = `
export GITHUB_ACTIONS=true GITHUB_REPOSITORY=acme/shop GITHUB_REF=refs/pull/12/merge GITHUB_API_URL=https://api.github.com
export GITHUB_SHA=3f786850e387550fdab836ed7e6dc881de23001b GITHUB_TOKEN=ghs_of-the-run`;
const slack = "export ORCH_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T000/B000/of-the-channel";
const keyServices = `
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=of-nobody AWS_EC2_METADATA_DISABLED=true
export AZURE_TENANT_ID=acme AZURE_CLIENT_ID=orch AZURE_CLIENT_SECRET=of-nobody
export VAULT_ADDR=https://vault.example.com VAULT_TOKEN=hvs.of-nobody`;
/** A run that is killed while the bucket `logs` is made; somebody has looked, and it was made. */
const cutOff = `
cp index.ts whole.ts
sed '/"logs"/d' whole.ts > index.ts
orch apply --yes
mv whole.ts index.ts
CLOUD_LOG="$HOME/log" CLOUD_MODE=slow-on-create CLOUD_SLOW_MS=600000 orch apply --yes >/dev/null 2>&1 &
until grep -q '"verb":"create".*"preview":false' "$HOME/log" 2>/dev/null; do sleep 0.1; done
kill -9 $! && ! wait $!
node -e '
  const store = JSON.parse(fs.readFileSync(process.env.CLOUD_STORE));
  const inputs = { bucket: "logs-1a2b3c", tags: { team: "shop" } };
  store["aws:s3/bucket:Bucket logs-1a2b3c"] = { type: "aws:s3/bucket:Bucket", inputs, outputs: { ...inputs, id: inputs.bucket } };
  fs.writeFileSync(process.env.CLOUD_STORE, JSON.stringify(store));
'`;
/** A run that is under way: it makes the bucket `logs`. Who runs the examples ends the process in ~/pid. */
const underWay = `
cp index.ts whole.ts
sed '/"logs"/d' whole.ts > index.ts
orch apply --yes
mv whole.ts index.ts
CLOUD_LOG="$HOME/log" CLOUD_MODE=slow-on-create CLOUD_SLOW_MS=600000 orch apply --yes >/dev/null 2>&1 & echo $! > "$HOME/pid"
until grep -q '"verb":"create".*"preview":false' "$HOME/log" 2>/dev/null; do sleep 0.1; done`;
/** A bucket that nobody manages. */
const asset = `
node -e '
  const store = JSON.parse(fs.readFileSync(process.env.CLOUD_STORE));
  const inputs = { bucket: "assets-1a2b3c", forceDestroy: false, tags: { team: "shop" } };
  store["aws:s3/bucket:Bucket assets-1a2b3c"] = { type: "aws:s3/bucket:Bucket", inputs, outputs: { ...inputs, id: inputs.bucket } };
  fs.writeFileSync(process.env.CLOUD_STORE, JSON.stringify(store));
'`;
const elsewhere = "cd .. && orch new hello && cd hello && npm install";

export const examples: Readonly<Record<string, Readonly<Record<string, Example>>>> = {
  apply: {
    "orch apply": { given: change, answers: yes, prints: "Apply complete: 1 updated" },
    "orch apply --yes --refresh": {
      given: drifted,
      prints: "Apply complete: 1 updated",
      after: "orch drift",
    },
    "orch apply change.plan": { given: keptPlan, answers: yes, prints: "Apply complete: 1 updated" },
    "orch apply change.plan --yes --format markdown > apply.md": {
      given: keptPlan,
      prints: "Apply complete: 1 updated",
      after: "grep '^### Apply of .*: 1 updated$' apply.md",
    },
    "orch apply --target db --target-dependents": {
      given: change,
      answers: yes,
      prints: "Only db and what depends on it.",
    },
    "orch apply --yes --json": { given: change, prints: /^\{.*"type":"apply-ended".*"outcome":"succeeded"/m },
  },
  comment: {
    "orch plan --out change.plan --format markdown | orch comment": {
      given: `${onGitHub}\n${change}`,
      prints: "issuecomment-1",
    },
    "orch comment network.md shop.md --status": {
      given: `${onGitHub}\norch plan --format markdown > shop.md; orch plan --stack prod --format markdown > network.md`,
      prints: "issuecomment-1",
    },
    "orch comment plan.md --dry-run": {
      given: `${onGitHub}\norch plan --format markdown > plan.md`,
      prints: "Plan for `shop/dev`",
    },
    "orch comment plan.md --platform gitea --api-url https://git.example.com/api/v1 --repository acme/shop --number 12":
      {
        given: "export GITEA_TOKEN=of-the-run\norch plan --format markdown > plan.md",
        prints: "issuecomment-1",
      },
  },
  completion: {
    "orch completion bash": { prints: "complete " },
    "orch completion zsh": { prints: "compdef" },
    "orch completion fish": { prints: "complete " },
  },
  "config:get": {
    "orch config get aws:region": { prints: /^eu-central-1$/m },
    "orch config get --path 'servers[0].name'": { prints: /^mail$/m },
  },
  "config:ls": {
    "orch config ls": { prints: /dbPassword\s+\[secret\]/ },
    "orch config ls --json --show-secrets": { prints: "hunter2-password" },
  },
  "config:rm": { "orch config rm aws:region": { prints: "", after: "! orch config get aws:region" } },
  "config:set": {
    "orch config set aws:region eu-central-1": {
      prints: "",
      after: "orch config get aws:region | grep eu-central-1",
    },
    "orch config set dbPassword --secret": {
      answers: [["dbPassword", "correct horse\r"]],
      prints: "",
      after: "orch config get dbPassword | grep 'correct horse'",
    },
    "openssl rand -base64 24 | orch config set dbPassword --secret": {
      prints: "",
      after: "orch config get dbPassword | grep -E '^.{32}$'",
    },
    "orch config set --path 'servers[0].name' web": {
      prints: "",
      after: "orch config get --path 'servers[0].name' | grep web",
    },
  },
  console: {
    "orch console": {
      answers: [
        ["> ", "outputs.url\r"],
        ["https://shop.example.com/", ".exit\r"],
      ],
      prints: "https://shop",
    },
    "echo 'outputs.url' | orch console": { prints: /^https:\/\/shop.example.com\/$/m },
    "echo 'graph.dependents(\"vpc\").length' | orch console --stack prod": { prints: /^2$/m },
  },
  destroy: {
    "orch destroy": { answers: yes, prints: "Destroy complete: 4 deleted" },
    "orch destroy --yes --stack review-42": { prints: "Destroy complete: 4 deleted" },
    "orch destroy --exclude db": { answers: yes, prints: "Destroy complete: 2 deleted" },
  },
  doctor: {
    "orch doctor": { prints: "backend" },
    "orch doctor --stack prod --json": { prints: '"type": "doctor"' },
    "orch doctor --offline": { prints: "backend" },
  },
  drift: {
    "orch drift": { given: drifted, exit: 2, prints: "Changed outside orch: 1 resource" },
    "orch drift --no-unmanaged": { prints: "4 resources" },
    "orch drift --target web-config": { given: drifted, exit: 2, prints: "Changed outside orch: 1 resource" },
    "orch drift --json": { given: drifted, exit: 2, prints: '"drifted": true' },
    "orch drift --notify slack --news /var/lib/orch/drift.json": {
      given: `${slack}\n${drifted}`,
      exit: 2,
      prints: "Changed outside orch: 1 resource",
      after: "grep drift-news /var/lib/orch/drift.json",
    },
  },
  explain: {
    "orch explain plan-stale": { prints: "plan-stale  exit code 3" },
    "orch explain": { prints: "plan-stale" },
    "orch explain db": { prints: "vpc" },
    [`orch explain '${urn}::aws:rds/instance:Instance::db' --refresh`]: { prints: "vpc" },
    "orch explain db change.plan": { given: keptPlan, prints: "web-config" },
  },
  graph: {
    "orch graph --open": { prints: "There is no display here" },
    "orch graph --plan --open": { given: change, prints: "There is no display here" },
    "orch graph --drift --out drift.html": {
      given: drifted,
      prints: "drift.html",
      after: "grep -q web-config drift.html",
    },
    "orch graph --out stack.svg": { prints: "stack.svg", after: "grep -q '<svg' stack.svg" },
    "orch graph change.plan | dot -Tpng > change.png": {
      needs: ["graphviz"],
      given: keptPlan,
      prints: "",
      after: "head -c 4 change.png | grep PNG",
    },
  },
  history: {
    "orch history": { prints: /^4 .*apply/m },
    "orch history --limit 5 --json": { prints: '"type": "history"' },
    "orch history 3": { prints: "web-config" },
  },
  import: {
    'orch import host:index:File notes "$PWD/notes.txt"': {
      given: "echo hello > notes.txt",
      answers: yes,
      prints: 'new host.File("notes", {',
    },
    "orch import aws:s3/bucket:Bucket assets assets-1a2b3c --out assets.ts": {
      given: asset,
      answers: yes,
      prints: "Apply complete: 1 imported",
      after: "grep aws.s3.Bucket assets.ts",
    },
    "orch import --file resources.json --yes": {
      given: `${asset}\necho '{ "resources": [{ "type": "aws:s3/bucket:Bucket", "name": "assets", "id": "assets-1a2b3c" }] }' > resources.json`,
      prints: "Apply complete: 1 imported",
    },
  },
  login: {
    "orch login 'postgres://orch@db.example.com/infra?sslmode=verify-full'": {
      needs: ["postgres"],
      prints: "db.example.com",
      after: "orch whoami | grep db.example.com",
    },
    "orch login sqlite:/srv/orch/state.db": {
      prints: "/srv/orch/state.db",
      after: "orch whoami | grep /srv/orch/state.db",
    },
  },
  logout: { "orch logout": { given: "orch login sqlite:/srv/orch/state.db", prints: "" } },
  new: {
    "orch new my-project": { prints: "Made project my-project" },
    "orch new my-project --template pulumi": { prints: "Pulumi.yaml" },
  },
  plan: {
    "orch plan": { given: change, prints: "Plan: 1 to update, 3 unchanged." },
    "orch plan --refresh --diff": { given: drifted, prints: "Plan: 1 to update" },
    "orch plan --out change.plan && orch apply change.plan": {
      given: change,
      answers: yes,
      prints: "Apply complete: 1 updated",
    },
    "orch plan --target web-config --target 'aws:s3:Bucket::*'": {
      given: change,
      prints: "Only web-config, aws:s3:Bucket::*.",
    },
    "orch plan --json --detailed-exitcode": { given: change, exit: 2, prints: '"type": "plan"' },
    "orch plan --out change.plan --format markdown | orch comment": {
      given: `${onGitHub}\n${change}`,
      prints: "issuecomment-1",
    },
  },
  "plugin:install": {
    "orch plugin install random 4.16.0": { prints: "random" },
    "orch plugin install random@4.16.0 --mirror https://mirror.example/pulumi": { prints: "mirror.example" },
    "orch plugin install random 4.16.0 --file ./pulumi-resource-random-v4.16.0-linux-amd64.tar.gz": {
      given:
        "curl -sO https://get.pulumi.com/releases/plugins/pulumi-resource-random-v4.16.0-linux-amd64.tar.gz",
      prints: "random",
    },
  },
  "plugin:lock": {
    "orch plugin lock": { prints: "aws", after: "grep aws orch.lock.json" },
    "orch plugin lock random@4.16.0 tls@5.0.0": {
      given: "orch plugin install random 4.16.0; orch plugin install tls 5.0.0",
      prints: "tls",
      after: "grep tls orch.lock.json",
    },
  },
  "plugin:ls": {
    "orch plugin ls": { prints: /aws\s+7\.48\.0/ },
    "orch plugin ls --json": { prints: '"type": "plugins"' },
  },
  "plugin:rm": {
    "orch plugin rm random 4.16.0 --yes": { given: "orch plugin install random 4.16.0", prints: "random" },
  },
  refresh: {
    "orch refresh": { given: drifted, answers: yes, prints: "Refresh complete" },
    "orch refresh --yes": { given: drifted, prints: "Refresh complete", after: "orch drift" },
  },
  resume: {
    "orch resume": { given: cutOff, exit: 4, prints: "logs" },
    [`orch resume --urn '${urn}::aws:s3/bucket:Bucket::logs' --adopt logs-1a2b3c`]: {
      given: cutOff,
      prints: "logs-1a2b3c",
    },
    "orch resume --urn logs --retry": { given: cutOff, prints: "the next apply does it" },
    "orch resume --json": { given: cutOff, exit: 4, prints: '"type": "resume"' },
  },
  "secrets:change-provider": {
    "orch secrets change-provider 'awskms://alias/orch?region=eu-central-1'": {
      given: keyServices,
      prints: "",
      after: "orch config get dbPassword",
    },
    "orch secrets change-provider passphrase --rotate": {
      given: "export ORCH_PASSPHRASE='correct horse'",
      prints: "",
      after: "orch config get dbPassword",
    },
  },
  "secrets:rotate": {
    "orch secrets rotate": { prints: "", after: "orch config get dbPassword | grep hunter2" },
  },
  "show:plan": {
    "orch show plan change.plan": { given: keptPlan, prints: "Plan: 1 to update" },
    "orch show plan change.plan --json": { given: keptPlan, prints: '"digest"' },
    "orch show plan change.plan --format markdown | orch comment": {
      given: `${onGitHub}\n${keptPlan}`,
      prints: "issuecomment-1",
    },
  },
  "stack:export": {
    "orch stack export --file state.json": {
      given: "export PULUMI_CONFIG_PASSPHRASE=of-pulumi",
      prints: "",
      after: "grep -q secretsproviders state.json || grep -q secrets_providers state.json",
    },
    "orch stack export --show-secrets | jq .deployment.resources": {
      needs: ["jq"],
      prints: "hunter2-password",
    },
  },
  "stack:import": {
    "orch stack import --file state.json": {
      given: `export PULUMI_CONFIG_PASSPHRASE=of-pulumi
orch stack export --file ../state.json && mkdir ../moved && cd ../moved
cp ../shop/index.ts ../shop/orch.yaml . && mv ../state.json . && npm install && orch stack init dev`,
      prints: "Imported",
    },
  },
  "stack:init": {
    "orch stack init dev": { given: elsewhere, prints: "Made stack dev" },
    "orch stack init prod --secrets-provider passphrase": {
      given: elsewhere,
      answers: [
        ["protect the stack's secrets: ", "correct horse\r"],
        ["The same again: ", "correct horse\r"],
      ],
      prints: "Made stack prod",
    },
    "orch stack init prod --secrets-provider 'awskms://alias/orch?region=eu-central-1'": {
      given: `${elsewhere}\n${keyServices}`,
      prints: "Made stack prod",
    },
    "orch stack init prod --secrets-provider azurekeyvault://my-vault/orch": {
      given: `${elsewhere}\n${keyServices}`,
      prints: "Made stack prod",
    },
    "orch stack init prod --secrets-provider hashivault://orch": {
      given: `${elsewhere}\n${keyServices}`,
      prints: "Made stack prod",
    },
  },
  "stack:ls": {
    "orch stack ls": { prints: "review-42" },
    "orch stack ls --json": { prints: '"type": "stacks"' },
  },
  "stack:output": {
    "orch stack output": { prints: "https://shop.example.com/" },
    'curl "$(orch stack output url)"': { prints: "Welcome to the shop" },
    "orch stack output --json --show-secrets": { prints: '"url"' },
  },
  "stack:rm": {
    "orch stack rm review-42 --yes": {
      given: "orch destroy --yes --stack review-42",
      prints: "Removed stack review-42",
    },
  },
  "stack:select": { "orch stack select prod": { prints: "", after: "orch stack output url; orch whoami" } },
  "state:diff": {
    "orch state diff 1 3": { prints: "web-config" },
    "orch state diff 3 --json": { prints: '"type": "state-diff"' },
  },
  "state:ls": {
    "orch state ls": { prints: "web-config" },
    "orch state ls --urns | grep Bucket": { prints: `${urn}::aws:s3/bucket:Bucket::logs` },
    "orch state ls --json": { prints: '"type": "state"' },
  },
  "state:migrate": {
    "orch state migrate --to postgres://orch@db.example.com/infra": {
      needs: ["postgres"],
      prints: "db.example.com",
      after: "ORCH_BACKEND=postgres://orch@db.example.com/infra orch state ls | grep web-config",
    },
    "orch state migrate --from postgres://orch@db.example.com/infra --to sqlite:.orch/state.db": {
      needs: ["postgres"],
      given: "orch state migrate --to postgres://orch@db.example.com/infra; rm .orch/state.db*",
      prints: "SQLite .orch/state.db",
      after: "orch state ls | grep web-config",
    },
  },
  "state:pull": {
    "orch state pull dev.state.json": { prints: "dev.state.json", after: "test -s dev.state.json" },
  },
  "state:push": {
    "orch state push dev.state.json": { given: "orch state pull dev.state.json", prints: "" },
    "orch state push yesterday.state.json --force": {
      given: `orch state pull yesterday.state.json; ${change}; orch apply --yes`,
      prints: "",
    },
  },
  "state:show": {
    "orch state show web-config": { prints: "dev.conf" },
    [`orch state show '${urn}::host:index:File::web-config' --json`]: { prints: '"type": "resource"' },
    "orch state show web-config --at 2": { prints: "workers 2" },
  },
  timeline: {
    "orch timeline": { prints: "web-config" },
    "orch timeline 3 --open": { prints: "There is no display here" },
    "orch timeline --out run.svg": { prints: "run.svg", after: "grep -q '<svg' run.svg" },
  },
  undo: {
    "orch undo": { answers: yes, prints: "Apply complete: 1 updated", after: "grep 'workers 3' dev.conf" },
    "orch undo 3 --out back.plan && orch apply back.plan": {
      answers: yes,
      prints: "Apply complete: 1 updated",
      after: "grep 'workers 2' dev.conf",
    },
    "orch undo --to 2": {
      answers: yes,
      prints: "Apply complete: 1 updated",
      after: "grep 'workers 2' dev.conf",
    },
  },
  unlock: {
    "orch unlock": { given: underWay, prints: /^8 +run 8 .* alive /m },
    "orch unlock 8": { given: underWay, answers: yes, prints: "Took lock 8 away." },
  },
  watch: {
    "orch watch": { answers: [["Plan: ", "\x03"]], prints: "unchanged" },
    "orch watch --stack dev --diff": { answers: [["Plan: ", "\x03"]], prints: "unchanged" },
  },
  whoami: {
    "orch whoami": { prints: "SQLite .orch/state.db" },
    "orch whoami --json": { prints: '"type": "whoami"' },
  },
};
