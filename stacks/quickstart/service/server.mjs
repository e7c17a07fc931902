// A very small shop: serves a page from a file, and items behind an HTTP API. No dependencies.
//
//   node server.mjs start CONFIG     starts the service in the background, waits until it answers, prints its address
//   node server.mjs status CONFIG    prints its address, or ends with 1 when it does not answer
//   node server.mjs stop CONFIG      stops it; well too when it does not run
//   node server.mjs serve CONFIG     what `start` runs
//
// CONFIG is a JSON file { port, token, folder }. The items are kept in folder/items.json, the page is folder/index.html.
//
//   GET /                   the page
//   GET /api/items          all items, also /api/items/ID
//   POST /api/items         makes one, the answer has its id         (these three want Authorization: Bearer TOKEN)
//   PUT /api/items/ID       changes it
//   DELETE /api/items/ID    deletes it

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const [verb, configFile] = process.argv.slice(2);
const config = JSON.parse(readFileSync(configFile, "utf8"));
const address = `http://127.0.0.1:${config.port}`;
const pidFile = join(config.folder, "service.pid");
const itemsFile = join(config.folder, "items.json");

async function answers() {
  try {
    return (await fetch(`${address}/health`, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}

async function start() {
  if (await answers()) throw new Error(`something answers at ${address} already`);
  const log = openSync(join(config.folder, "service.log"), "a");
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "serve", resolve(configFile)], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  child.unref();
  writeFileSync(pidFile, String(child.pid));
  for (let i = 0; i < 100; i++) {
    if (await answers()) return console.log(address);
    await sleep(50);
  }
  throw new Error(`the service does not answer at ${address}; see ${join(config.folder, "service.log")}`);
}

async function stop() {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  try {
    process.kill(pid, "SIGTERM");
    for (let i = 0; i < 100; i++) {
      process.kill(pid, 0);
      await sleep(20);
    }
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // Gone is what we want.
  }
  rmSync(pidFile, { force: true });
}

function serve() {
  const items = new Map(existsSync(itemsFile) ? JSON.parse(readFileSync(itemsFile, "utf8")) : []);
  const save = () => {
    writeFileSync(`${itemsFile}.new`, JSON.stringify([...items]));
    renameSync(`${itemsFile}.new`, itemsFile);
  };

  const routes = async (request, body) => {
    const { pathname } = new URL(request.url, address);
    if (pathname === "/health") return [200, { ok: true }];
    if (pathname === "/") return [200, readFileSync(join(config.folder, "index.html"), "utf8"), "text/html"];
    const [, id] = /^\/api\/items(?:\/([\w-]+))?$/.exec(pathname) ?? [undefined, null];
    if (id === null) return [404, { error: "no such place" }];
    if (request.method === "GET" && id === undefined)
      return [200, [...items].map(([key, item]) => ({ id: key, ...item }))];
    if (request.method !== "GET" && request.headers.authorization !== `Bearer ${config.token}`)
      return [401, { error: "a valid token is needed" }];
    if (request.method === "POST" && id === undefined) {
      const made = `item-${randomBytes(4).toString("hex")}`;
      items.set(made, JSON.parse(body));
      save();
      return [201, { id: made, ...items.get(made) }];
    }
    if (!items.has(id)) return [404, { error: `no item ${id}` }];
    if (request.method === "PUT") items.set(id, JSON.parse(body));
    if (request.method === "DELETE") items.delete(id);
    if (request.method !== "GET") save();
    return [200, { id, ...items.get(id) }];
  };

  createServer(async (request, response) => {
    let answer;
    try {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      answer = await routes(request, Buffer.concat(chunks).toString());
    } catch (error) {
      answer = [error.code === "ENOENT" ? 404 : 400, { error: error.message }];
    }
    const [status, content, type = "application/json"] = answer;
    // No connection is kept: a client that sleeps for a while would find it closed when it asks again.
    response.writeHead(status, { "content-type": `${type}; charset=utf-8`, connection: "close" });
    response.end(type === "application/json" ? `${JSON.stringify(content)}\n` : content);
  }).listen(config.port, "127.0.0.1");
}

async function status() {
  if (!(await answers())) throw new Error(`nothing answers at ${address}`);
  console.log(address);
}

try {
  await { start, status, stop, serve }[verb]();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
