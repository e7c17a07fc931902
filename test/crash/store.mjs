/**
 * The outside world of the crash suite: a small HTTP object store in a process of its own, which no killed run takes with it. Everything that it does stands
 * in an append-only log (`store.log`, a line of JSON each), and its contents are what the log says: it can be started again on the same folder.
 *
 * POST   /objects            {type, name, props, token?, adopt?} → {id, props}. `token`: the same token makes the same object. `adopt`: so does the same name.
 * PUT    /objects/ID         {type, name, props} → the id is the caller's; what is there is overwritten.
 * GET    /objects/ID         → {id, type, name, props} or 404
 * PATCH  /objects/ID         {props}
 * DELETE /objects/ID         204, also when it is not there
 * GET    /objects?type=&name=   once no creation is under way: what a list is that never lies
 * GET    /all, POST /all     everything that is there; replaces everything (between two cases)
 * GET    /log                what was done since the last POST /all
 * POST   /kill               {effect, when}: SIGKILL to the process that asks for the n-th effect from now (counted from 1), when it `arrived` (and nothing is done),
 *                            `late` (it arrived, and is done all the same, a while after) or `done` (it is done and not yet answered)
 * GET    /idle               answers once nothing is under way
 *
 * Headers: `x-pid` of the caller, `x-urn` of the resource it is for (a person would recognise it), `x-delay` in ms before the effect.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const log = join(process.argv[2] ?? ".", "store.log");
let objects = new Map();
let tokens = new Map();
let since = [];
let nextId = 1;
let effects = 0;
let kill;
/** Per object, or per name or token while there is none: requests are served one after the other. */
const queues = new Map();
let underWay = 0;
let creations = 0;
const waiting = [];

for (const line of existsSync(log) ? readFileSync(log, "utf8").split("\n") : [])
  if (line) replay(JSON.parse(line));

function replay(entry) {
  since.push(entry);
  const { op, id, type, name, props, urn, token } = entry;
  if (op === "reset") {
    objects = new Map(entry.objects.map((object) => [object.id, object]));
    tokens = new Map(entry.objects.filter(({ token }) => token).map(({ id, token }) => [token, id]));
    since = [];
    for (const { id: taken } of entry.objects)
      nextId = Math.max(nextId, Number(/^obj-(\d+)$/.exec(taken)?.[1] ?? 0) + 1);
  } else if (op === "create") {
    objects.set(id, { id, type, name, props, urn, ...(token ? { token } : {}) });
    if (token) tokens.set(token, id);
    nextId++;
  } else if (op === "update") objects.set(id, { ...objects.get(id), props });
  else if (op === "delete") objects.delete(id);
}
function record(entry) {
  appendFileSync(log, `${JSON.stringify(entry)}\n`);
  replay(entry);
}

async function inOrder(key, work) {
  const before = queues.get(key);
  const mine = (async () => {
    await before;
    return work();
  })();
  const settled = mine.then(
    () => undefined,
    () => undefined,
  );
  queues.set(key, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(key) === settled) queues.delete(key);
  }
}

/** Tells who waits that something ended. */
function ended() {
  for (const wake of waiting.splice(0)) wake();
}
async function until(idle) {
  while (!idle()) await new Promise((resolve) => waiting.push(resolve));
}

/** Around everything that changes something: where a caller may be killed. Undefined: it was, and nothing was done. */
async function effect(request, work) {
  const n = ++effects;
  const due = kill?.effect === n ? kill.when : undefined;
  const pid = Number(request.headers["x-pid"]);
  if (due === "arrived") {
    process.kill(pid, "SIGKILL");
    return undefined;
  }
  if (due === "late") {
    process.kill(pid, "SIGKILL");
    await sleep(400);
  }
  await sleep(Number(request.headers["x-delay"] ?? 0));
  const result = work();
  if (due === "done") {
    process.kill(pid, "SIGKILL");
    return undefined;
  }
  return result;
}

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : JSON.parse(text);
}

async function serve(request, url, given) {
  const [, first, id] = url.pathname.split("/").map(decodeURIComponent);
  const urn = request.headers["x-urn"];
  const method = request.method;
  if (first === "all" && method === "POST") {
    await until(() => underWay === 0);
    kill = undefined;
    effects = 0;
    record({ op: "reset", objects: given });
    return [200, {}];
  }
  if (first === "all") return [200, [...objects.values()]];
  if (first === "log") return [200, since];
  if (first === "kill") {
    kill = given.effect === undefined ? undefined : { ...given, effect: effects + given.effect };
    return [200, { effects }];
  }
  if (first === "idle") {
    await until(() => underWay === 0);
    return [200, { effects }];
  }
  if (first !== "objects") return [404, { error: "no such path" }];
  const changes = method !== "GET";
  const creates = method === "POST" || method === "PUT";
  if (changes) underWay++;
  if (creates) creations++;
  try {
    return await object(request, method, id, urn, url, given);
  } finally {
    if (changes) underWay--;
    if (creates) creations--;
    ended();
  }
}

async function object(request, method, id, urn, url, { type, name, props, token, adopt }) {
  switch (method) {
    case "POST":
      return inOrder(token ?? (adopt ? `${type} ${name}` : `new ${nextId}`), async () => {
        const known = token ? tokens.get(token) : adopt ? find(type, name)[0]?.id : undefined;
        if (known !== undefined && objects.has(known)) return [200, objects.get(known)];
        return answered(
          await effect(request, () => {
            const made = { op: "create", id: `obj-${nextId}`, type, name, props, urn, token };
            record(made);
            return [200, { id: made.id, props }];
          }),
        );
      });
    case "PUT":
      return inOrder(id, async () =>
        answered(
          await effect(request, () => {
            record({ op: "create", id, type, name, props, urn });
            return [200, { id, props }];
          }),
        ),
      );
    case "PATCH":
      return inOrder(id, async () =>
        answered(
          await effect(request, () => {
            if (!objects.has(id)) return [404, { error: "no such object" }];
            record({ op: "update", id, props, urn });
            return [200, { id, props }];
          }),
        ),
      );
    case "DELETE":
      return inOrder(id, async () =>
        answered(
          await effect(request, () => {
            if (objects.has(id)) record({ op: "delete", id, urn });
            return [204, undefined];
          }),
        ),
      );
    default:
      if (id) return objects.has(id) ? [200, objects.get(id)] : [404, { error: "no such object" }];
      await until(() => creations === 0);
      return [200, find(url.searchParams.get("type"), url.searchParams.get("name"))];
  }
}

const find = (type, name) => [...objects.values()].filter((o) => o.type === type && o.name === name);
const answered = (result) => result ?? [500, { error: "nobody is there to be answered" }];

const server = createServer(async (request, response) => {
  try {
    const given = await body(request);
    const [status, result] = await serve(request, new URL(request.url, "http://store"), given);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(result === undefined ? undefined : JSON.stringify(result));
  } catch (error) {
    response.writeHead(500);
    response.end(JSON.stringify({ error: String(error) }));
  }
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
process.stdin.resume();
// Ends with whoever started it.
process.stdin.on("end", () => process.exit(0));
