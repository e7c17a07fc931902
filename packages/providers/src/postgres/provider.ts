/** The `postgres` provider: what a PostgreSQL server has beside data. */
import { createRequire } from "node:module";
import { fail, OrchError } from "@orch/core/model/failure";
import type { LoadContext } from "@orch/core/provider/contract";
import { parsePostgresUrl, sslModes } from "@orch/core/state/postgres/url";
import { z } from "zod";
import { createProvider, defineProvider } from "../direct/index.js";
import { postgres } from "./connection.js";
import { database } from "./database.js";
import { defaultPrivileges } from "./default-privileges.js";
import { grant } from "./grant.js";
import { role } from "./role.js";
import { extension, schema } from "./schema.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const config = z.strictObject({
  url: z
    .string()
    .regex(
      /^postgres(ql)?:\/\//i,
      "a URL such as postgres://admin@db1.example.com/postgres?sslmode=verify-full",
    )
    .optional()
    .meta({ secret: true })
    .describe("All of it as one URL. What is given beside it wins."),
  host: z
    .string()
    .min(1)
    .optional()
    .describe("Name or address, or the folder of a Unix socket. Default localhost."),
  port: z.int().min(1).max(65535).optional().describe("Default 5432."),
  user: z.string().min(1).optional().describe("The login's role. Default postgres."),
  password: z
    .string()
    .optional()
    .meta({ secret: true })
    .describe("Its password. Default: PGPASSWORD, or none."),
  database: z
    .string()
    .min(1)
    .optional()
    .describe("The database to log in to for what concerns the whole server. Default postgres."),
  sslMode: z.enum(sslModes).optional().describe("As libpq's. Default prefer; use verify-full."),
  sslRootCert: z
    .string()
    .min(1)
    .optional()
    .describe("A file with the certificate of the authority that signed the server's."),
});

/** One URL, which is then read as that of a state's backend is. */
function urlOf(given: z.output<typeof config>): string {
  const base = given.url ?? "postgres://postgres@localhost/postgres";
  const url = URL.parse(base.replace(/^postgresql:/i, "postgres:"));
  if (url === null)
    return fail({
      reason: "provider-config",
      message: "The URL of the server can't be parsed.",
      path: "url",
      expected: "postgres://USER@HOST:PORT/DATABASE",
    });
  if (given.host?.startsWith("/") || given.host?.includes(":")) url.searchParams.set("host", given.host);
  else if (given.host !== undefined) url.hostname = given.host;
  if (given.port !== undefined) url.port = String(given.port);
  if (given.user !== undefined) url.username = encodeURIComponent(given.user);
  if (given.password !== undefined) url.password = encodeURIComponent(given.password);
  if (given.database !== undefined) url.pathname = `/${encodeURIComponent(given.database)}`;
  if (given.sslMode !== undefined) url.searchParams.set("sslmode", given.sslMode);
  if (given.sslRootCert !== undefined) url.searchParams.set("sslrootcert", given.sslRootCert);
  return url.href;
}

const definition = defineProvider({
  name: "postgres",
  version,
  description: "Databases, roles, grants, schemas and extensions of a PostgreSQL server.",
  config,
  open: (given) => {
    try {
      return postgres(parsePostgresUrl(urlOf(given)));
    } catch (error) {
      // It speaks of the configuration of orch; here it is the provider's.
      if (error instanceof OrchError)
        throw new OrchError({ ...error.failure, reason: "provider-config" }, { cause: error });
      throw error;
    }
  },
  close: (db) => db.close(),
  resources: [database, role, schema, extension, grant, defaultPrivileges],
});

export const create = (context: LoadContext) => createProvider(definition, context);
