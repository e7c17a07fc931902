/**
 * The internet in small, for the commands of pages: a proxy on loopback that answers for the hosts that pages name, with a certificate of its own, and for no
 * others. So an example runs as it stands there, address and all, and nothing leaves this machine. What it answers is what the vendors document:
 *
 * - GitHub (docs.github.com/rest/issues/comments, /commits/statuses, GraphQL's `viewerDidAuthor`), GitLab (docs.gitlab.com/api/notes, /commits), Gitea (its
 *   swagger): comments and statuses, kept in memory
 * - AWS KMS (Encrypt, Decrypt), Microsoft Entra ID (client credentials), Azure Key Vault (wrapkey, unwrapkey), Vault (transit)
 * - Slack's incoming webhooks, and webhooks of any other service
 * - an OTLP collector
 * - downloads: what a test puts there
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { createSecureContext, TLSSocket } from "node:tls";
import { generate } from "selfsigned";

export interface Asked {
  readonly method: string;
  /** Without the query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Internet {
  /** Variables by which programs find it. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it stands for a server of this machine, which no program asks a proxy for: the address of a collector. */
  readonly elsewhere: Readonly<Record<string, string>>;
  /** What was asked since the last `forget`, in order. */
  readonly asked: readonly Asked[];
  /** Comments of pull requests that are there now. */
  readonly comments: readonly { readonly id: number; readonly body: string }[];
  /** Answers a GET of this address from here on. */
  serve(url: string, body: Buffer): void;
  /** As it was at first. */
  forget(): void;
  close(): Promise<void>;
}

interface Answer {
  readonly status?: number;
  readonly json?: unknown;
  readonly body?: Buffer | string;
}

const hosts = [
  ...[
    "api.github.com",
    "git.example.com",
    "gitlab.com",
    "gitlab.example.com",
    "hooks.slack.com",
    "hooks.example.com",
  ],
  ...[
    "kms.eu-central-1.amazonaws.com",
    "login.microsoftonline.com",
    "my-vault.vault.azure.net",
    "vault.example.com",
  ],
  ...["get.pulumi.com", "github.com", "mirror.example", "shop.example.com"],
];

const collector = "http://localhost:4318";

/** What is encrypted by the services is turned upside down: enough to tell it from the plain text. */
const turned = (base64: string, from: "base64" | "base64url" = "base64"): string =>
  Buffer.from(Buffer.from(base64, from).map((byte) => byte ^ 0x5a)).toString(from);

/** `folder`: for the authority's certificate. */
export async function startInternet(folder: string): Promise<Internet> {
  const { cert, private: key } = await generate(
    [{ name: "commonName", value: "The internet of orch's pages" }],
    {
      keyType: "ec",
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "subjectAltName", altNames: hosts.map((value) => ({ type: 2 as const, value })) },
      ],
    },
  );
  const authority = join(folder, "internet.crt");
  writeFileSync(authority, cert);

  let asked: Asked[] = [];
  let comments: { id: number; body: string }[] = [];
  const files = new Map<string, Buffer>();

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const secure = request.socket instanceof TLSSocket;
      const { origin, pathname } = new URL(
        /^http:/.test(request.url ?? "")
          ? (request.url as string)
          : `${secure ? "https" : "http"}://${request.headers.host}${request.url}`,
      );
      const one: Asked = {
        method: request.method ?? "",
        url: `${origin === address ? collector : origin}${pathname}`,
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      };
      asked.push(one);
      give(response, answer(one));
    });
  });
  const context = createSecureContext({ cert, key });
  const tunnels = new Set<Socket>();
  server.on("connect", (_request, socket: Socket) => {
    tunnels.add(socket);
    socket.on("close", () => tunnels.delete(socket));
    // Programs that end leave their tunnels as they are.
    socket.on("error", () => {});
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    const inside = new TLSSocket(socket, { isServer: true, secureContext: context });
    inside.on("error", () => {});
    server.emit("connection", inside);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function answer({ method, url, body, headers }: Asked): Answer {
    const json = (): Record<string, string> => JSON.parse(body) as Record<string, string>;
    const is = (wanted: string, pattern: RegExp): RegExpExecArray | null =>
      method === wanted ? pattern.exec(url) : null;
    const file = files.get(url);
    if (method === "GET" && file !== undefined) return { body: file };
    const review = reviewAnswer(is, json);
    if (review !== undefined) return review;

    if (is("POST", /^https:\/\/hooks\.slack\.com\/services\//)) return { body: "ok" };
    if (is("POST", /^https:\/\/hooks\.example\.com\//)) return { status: 204 };
    if (is("POST", /^http:\/\/localhost:4318\/v1\/traces$/)) return { json: {} };

    if (is("POST", /^https:\/\/kms\.eu-central-1\.amazonaws\.com\/$/)) {
      const { Plaintext, CiphertextBlob } = json();
      const KeyId = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
      return headers["x-amz-target"] === "TrentService.Encrypt"
        ? { json: { KeyId, CiphertextBlob: turned(String(Plaintext)) } }
        : { json: { KeyId, Plaintext: turned(String(CiphertextBlob)) } };
    }
    if (is("POST", /^https:\/\/login\.microsoftonline\.com\/[^/]+\/oauth2\/v2\.0\/token$/))
      return { json: { token_type: "Bearer", expires_in: 3599, access_token: "of-the-client" } };
    if (is("POST", /^https:\/\/my-vault\.vault\.azure\.net\/keys\/orch(\/[^/]+)?\/(un)?wrapkey$/))
      return {
        json: {
          kid: "https://my-vault.vault.azure.net/keys/orch/1",
          value: turned(String(json().value), "base64url"),
        },
      };
    const transit =
      is("PUT", /\/v1\/transit\/(encrypt|decrypt)\/orch$/) ??
      is("POST", /\/v1\/transit\/(encrypt|decrypt)\/orch$/);
    if (transit?.[1] === "encrypt")
      return { json: { data: { ciphertext: `vault:v1:${turned(String(json().plaintext))}` } } };
    if (transit?.[1] === "decrypt")
      return { json: { data: { plaintext: turned(String(json().ciphertext).replace("vault:v1:", "")) } } };

    if (is("GET", /^https:\/\/shop\.example\.com\/$/)) return { body: "Welcome to the shop\n" };
    return { status: 404, json: { message: `nothing stands in for ${method} ${url}` } };
  }

  /** Comments and statuses, by the paths of the three platforms. */
  function reviewAnswer(
    is: (method: string, pattern: RegExp) => RegExpExecArray | null,
    json: () => Record<string, string>,
  ): Answer | undefined {
    const shown = ({ id, body }: { id: number; body: string }) => ({
      ...{ id, body, node_id: `IC_${id}`, author: { id: 1 }, user: { id: 1 } },
      html_url: `https://git.example.com/acme/shop/pull/12#issuecomment-${id}`,
      issue_url: "https://api.github.com/repos/acme/shop/issues/12",
    });
    const list = /\/(issues|merge_requests)\/12\/(comments|notes)$/;
    const one = /\/(?:comments|notes)\/(\d+)$/;
    if (is("GET", list)) return { json: comments.map(shown) };
    if (is("POST", list)) {
      const made = { id: comments.length + 1, body: String(json().body) };
      comments.push(made);
      return { status: 201, json: shown(made) };
    }
    const at = is("PATCH", one) ?? is("PUT", one);
    if (at !== null) {
      const made = { id: Number(at[1]), body: String(json().body) };
      comments = comments.map((comment) => (comment.id === made.id ? made : comment));
      return { json: shown(made) };
    }
    // The pull request that a commit came from.
    if (is("GET", /\/repos\/acme\/shop\/commits\/[0-9a-f]{40}\/pulls$/)) return { json: [{ number: 12 }] };
    if (is("GET", /\/repository\/commits\/[0-9a-f]{40}\/merge_requests$/)) return { json: [{ iid: 12 }] };
    if (is("POST", /\/graphql$/))
      return {
        json: { data: { nodes: comments.map(({ id }) => ({ id: `IC_${id}`, viewerDidAuthor: true })) } },
      };
    if (is("GET", /\/(api\/v[14]\/)?user$/)) return { json: { id: 1 } };
    if (is("POST", /\/statuses\/[0-9a-f]{40}$/)) return { status: 201, json: {} };
    return undefined;
  }

  return {
    env: {
      // Upper case: gRPC, by which plugins are spoken to, heeds the small ones.
      ...{ HTTPS_PROXY: address, HTTP_PROXY: address, NO_PROXY: "127.0.0.1,::1", NODE_USE_ENV_PROXY: "1" },
      ...{ NODE_EXTRA_CA_CERTS: authority, CURL_CA_BUNDLE: authority },
    },
    elsewhere: { [collector]: address },
    get asked() {
      return asked;
    },
    get comments() {
      return comments;
    },
    serve: (url, body) => void files.set(url, body),
    forget() {
      asked = [];
      comments = [];
    },
    async close() {
      for (const socket of tunnels) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function give(response: ServerResponse, { status = 200, json, body }: Answer): void {
  if (json === undefined) response.writeHead(status).end(body);
  else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}

/** What the vendor's server and a mirror have: archives whose plugin does nothing, for this platform and the one that examples name. */
export function servePlugins(
  internet: Internet,
  folder: string,
  ...plugins: readonly (readonly [name: string, version: string])[]
): void {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  for (const [name, version] of plugins) {
    const program = `pulumi-resource-${name}`;
    const content = join(folder, name);
    mkdirSync(content);
    writeFileSync(join(content, program), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const file = join(folder, `${name}.tar.gz`);
    execFileSync("tar", ["-czf", file, "-C", content, "."]);
    const places = [
      `https://github.com/pulumi/pulumi-${name}/releases/download/v${version}`,
      ...["https://get.pulumi.com/releases/plugins", "https://mirror.example/pulumi"],
    ];
    for (const platform of new Set([`${os}-${arch}`, "linux-amd64"]))
      for (const place of places)
        internet.serve(`${place}/${program}-v${version}-${platform}.tar.gz`, readFileSync(file));
  }
}
