// `npm run demo:hybrid`: a tour of this stack on real systems of its own: a Kubernetes control plane, a machine with systemd and one without,
// BIND, PostgreSQL and an Active Directory domain controller, all started here and ended again. Says what is missing where they can't be.

import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import {
  bold,
  check,
  commandLine,
  heading,
  say,
  startOnPinnedNode,
  tellFailure,
} from "../../scripts/tour.mjs";

startOnPinnedNode();

// The laboratory of the tests is TypeScript, which Node runs as it is but for the names in its imports.
registerHooks({
  resolve: (name, context, next) =>
    next(
      context.parentURL?.endsWith(".ts") && name.startsWith(".") ? name.replace(/\.js$/, ".ts") : name,
      context,
    ),
});
const { hybridNeeds, startHybrid } = await import("../../test/lab/hybrid.ts");
const { labRequires } = await import("../../test/lab/requirements.ts");
const { noGuestHere } = await import("../../test/lab/guest.ts");
const { labStack } = await import("../../test/lab/stack.ts");

const { reason } = labRequires(hybridNeeds);
if (noGuestHere !== undefined || reason !== "") {
  say(`This tour starts the systems themselves, and that is not possible here. ${noGuestHere ?? reason}`);
  process.exit(1);
}

const deployment = "/apis/apps/v1/namespaces/shop/deployments/shop";

async function tour(lab, stack) {
  const { orch, ask } = commandLine(stack.directory, {
    ...lab.env,
    PATH: process.env.PATH,
    HOME: stack.home,
    LANG: "C.UTF-8",
    ...(process.env.TERM === undefined ? {} : { TERM: process.env.TERM }),
  });
  const unit = `OU=Service accounts,${lab.samba.base}`;
  const greeting = async () =>
    /<h1>(.*)<\/h1>/.exec(await (await fetch(`http://${lab.guest.host}:8080/`)).text())?.[1];
  const replicas = async () => (await lab.kubernetes.call("GET", deployment)).body.spec.replicas;
  const inDomain = async (task) => {
    const domain = await lab.samba.connect();
    await task(domain).finally(() => domain.unbind());
  };
  const byHand = async () => {
    const merge = "application/merge-patch+json";
    await lab.kubernetes.call("PATCH", `${deployment}?fieldManager=anna`, { spec: { replicas: 5 } }, merge);
    say("  Kubernetes: anna scaled the Deployment to 5");
    writeFileSync(join(lab.guest.root, "srv/stock/index.html"), "<h1>Sale!</h1>\n");
    say("  stock2: somebody wrote another page");
    await lab.bind.nsupdate(
      "update delete stock1.example.test. A",
      "update add stock1.example.test. 300 A 192.0.2.66",
    );
    say("  DNS: stock1 leads to 192.0.2.66");
  };

  heading("A stack, its configuration, its secrets");
  await orch(["stack", "init", "demo"]);
  for (const [key, value] of Object.entries(lab.config))
    await orch(["config", "set", key, value], { quiet: true });
  for (const [key, value] of Object.entries(lab.secrets))
    await orch(["config", "set", key, "--secret"], { input: `${value}\n`, quiet: true });
  await orch(["config"]);

  heading("What would happen in all five systems, kept in a file");
  await orch(["plan", "--out", "first.plan"]);

  heading("Do exactly that");
  await orch(["apply", "first.plan", "--yes"]);
  const { address } = await ask(["stack", "output", "--json"]);
  check(
    (await lab.bind.dig("shop.example.test.", "A"))[0]?.endsWith(` ${address}`),
    `DNS has the address that Kubernetes gave: shop.example.test is ${address}`,
  );
  check((await greeting()) === "Welcome to the shop", "stock2's service answers with the page");
  check(
    lab.guest.run("cat /srv/stock/stock.conf").includes("postgres://shop_app:Pw-"),
    "its settings have the password that was made for PostgreSQL; it was shown nowhere above",
  );
  await orch(["plan", "--detailed-exitcode"]);

  heading("Somebody changes something in every system");
  await byHand();
  await lab.postgres.sql("alter role shop_app createdb connection limit -1");
  say("  PostgreSQL: the application's role may make databases");
  await inDomain((domain) =>
    domain.modifyDN(`CN=svc-shop,${unit}`, `CN=svc-shop,CN=Users,${lab.samba.base}`),
  );
  say("  Active Directory: the account was moved out of its unit");
  await orch(["drift"], { expected: 2 });

  heading("Heal it");
  await orch(["apply", "--refresh", "--yes"]);
  check(
    (await replicas()) === 2 && (await greeting()) === "Welcome to the shop",
    "all is as the program says",
  );
  await orch(["drift"]);

  heading("The same while PostgreSQL is down");
  await byHand();
  await lab.postgres.stop();
  say("  PostgreSQL is stopped");
  await orch(["drift"], { expected: 1 });
  await orch(["apply", "--refresh", "--yes", "--continue-on-error"], { expected: 1 });
  check(
    (await replicas()) === 2,
    "the other systems are healed; the exit code says that not everything was seen",
  );
  await lab.postgres.start();
  say("\n  PostgreSQL is back");
  await orch(["drift"]);

  heading("A kept plan, and somebody who is quicker");
  await orch(["config", "set", "replicas", "3"]);
  await orch(["plan", "--out", "scale.plan"]);
  await lab.kubernetes.call(
    "PATCH",
    `${deployment}?fieldManager=anna`,
    { spec: { replicas: 7 } },
    "application/merge-patch+json",
  );
  say("\n  anna scales to 7");
  await orch(["apply", "scale.plan", "--yes"], { expected: 1 });
  check((await replicas()) === 7, "her 7 was not overwritten unseen");
  await orch(["apply", "--refresh", "--yes"]);
  check((await replicas()) === 3, "a plan that shows it puts it right");

  heading("No secret is in clear anywhere");
  for (const [key, value] of Object.entries(lab.secrets))
    check(stack.filesWith(value).length === 0, `${key}: in no file of the stack, its state and its plans`);
  check(
    !readFileSync(join(stack.directory, "first.plan"), "latin1").includes("Pw-"),
    "nor is a generated one",
  );

  heading("Take it all away");
  await orch(["destroy", "--yes"]);
  check(
    (await lab.kubernetes.call("GET", "/api/v1/namespaces/shop")).status === 404 &&
      (await lab.bind.dig("shop.example.test.", "A")).length === 0,
    "nothing is left",
  );
}

const started = Date.now();
say("Starting a Kubernetes control plane, a machine with systemd, sshd, BIND, PostgreSQL and Samba.");
let lab;
let stack;
try {
  lab = await startHybrid();
  stack = labStack("../../../stacks/hybrid-web", lab.env);
  lab.trustHosts(stack.home);
  await tour(lab, stack);
  say(
    `\n${bold(`Done in ${Math.round((Date.now() - started) / 1000)} s.`)} Next: stacks/hybrid-web/README.md.`,
  );
} catch (error) {
  tellFailure(error);
} finally {
  // The systems go with all that is in them.
  stack?.remove();
  await lab?.remove();
}
