/** What PostgreSQL, the network and TLS say, as failures. SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. */
import { type Failure, type FailureReason, OrchError, toFailure } from "../../model/failure.js";
import { describePostgres, type PostgresSettings } from "./url.js";

/** What the server says of an error. */
interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
  readonly detail?: string;
  readonly hint?: string;
}
export const isServerError = (error: unknown): error is ServerError =>
  error instanceof Error &&
  typeof (error as Partial<ServerError>).severity === "string" &&
  typeof (error as Partial<ServerError>).code === "string";

/** The connection is gone; what was under way may or may not have taken place, unless it says that it did not. */
export class LostConnectionError extends Error {
  constructor(
    message: string,
    override readonly cause: unknown,
  ) {
    super(message);
  }
}

/** Did the connection end with it? Whatever is not an answer of the server to a statement. */
export function endsConnection(error: unknown): boolean {
  if (!isServerError(error)) return !(error instanceof OrchError) && !(error instanceof RangeError);
  return error.severity === "FATAL" || error.severity === "PANIC" || error.code.startsWith("08");
}

/** Two transactions got into each other's way; the one that fails can be done again. */
export const isConflict = (error: unknown): boolean =>
  isServerError(error) && (error.code === "40001" || error.code === "40P01");

/** Will it be over after a while: a server that restarts, or has no connection left? */
export function passes(error: unknown): boolean {
  if (!isServerError(error))
    return !isTlsError(error) && !isNoPassword(error) && codeOf(error) !== "ENOTFOUND";
  return ["53300", "57P01", "57P02", "57P03"].includes(error.code) || error.code.startsWith("08");
}

/** An error of a statement, once the connection stood. */
export function explainPostgres(error: unknown, settings: PostgresSettings): OrchError {
  if (error instanceof OrchError) return error;
  const where = describePostgres(settings);
  if (error instanceof LostConnectionError) {
    return explained(error, "backend-error", `The connection to ${where} was lost.`, {
      found: error.message,
      next: [
        "Run the same command again once the server answers: what was finished before is recorded, and a step that was under way is looked after first.",
      ],
    });
  }
  if (!isServerError(error)) return new OrchError(toFailure(error), { cause: error });
  const found = foundOf(error);
  switch (error.code) {
    case "42501":
      return explained(error, "permission-denied", `${where} does not allow this user what orch needs.`, {
        expected: `that ${settings.user} may read and write the tables of the schema ${settings.schema}`,
        found,
        next: [rights(settings)],
      });
    case "25006":
      return explained(
        error,
        "backend-error",
        `${where} takes no writes: it is a standby or set to read-only.`,
        {
          found,
          next: ["Give the URL of the primary server."],
        },
      );
    case "53100":
      return explained(error, "disk-full", `There is no space left on the disk of ${where}.`, {
        found,
        next: [
          "Free some space on the server and run the same command again: what was finished before is recorded, nothing is half-written.",
        ],
      });
    case "42P01":
    case "42703":
      return explained(
        error,
        "state-invalid",
        `The schema ${settings.schema} of ${where} is not one that orch made.`,
        {
          expected: "tables made by orch",
          found,
          next: ["Name another schema in the URL: `?schema=NAME`. This one was left as it is."],
        },
      );
    default:
      return explained(error, "backend-error", `${where} refused a statement of orch.`, {
        found,
        next: ["If the server's log does not say why, report it: this is not expected."],
      });
  }
}

/** An error of connecting: nothing was done there. */
export function explainConnect(error: unknown, settings: PostgresSettings): OrchError {
  if (error instanceof OrchError) return error;
  const where = describePostgres(settings);
  const { host, port, user, database } = settings;
  if (isServerError(error)) {
    const found = foundOf(error);
    switch (error.code) {
      case "28P01":
        return explained(error, "authentication-failed", `${where} refused the password of ${user}.`, {
          found,
          next: passwordNext(settings),
        });
      case "28000":
        return explained(error, "authentication-failed", `${where} does not let ${user} in.`, {
          found,
          next: [
            "Check the user's name, and what the server's pg_hba.conf allows this machine; where it wants TLS, set sslmode=require or stricter.",
          ],
        });
      case "3D000":
        return explained(
          error,
          "backend-error",
          `${where}: there is no database ${database} on that server.`,
          {
            expected: "a database that exists; orch makes its schema and tables, not the database",
            found,
            next: [`Make it: \`createdb -h ${host} -p ${port} -O ${user} ${database}\`, or correct the URL.`],
          },
        );
      case "42501":
        return explained(error, "permission-denied", `${where}: ${user} may not connect to this database.`, {
          found,
          next: [`As its owner: GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(user)};`],
        });
      case "53300":
        return explained(error, "backend-error", `${where} has no connection left.`, {
          found,
          next: ["Try again later, or raise max_connections there."],
        });
      default:
        return explained(error, "backend-error", `${where} refused the connection.`, { found });
    }
  }
  const code = codeOf(error);
  const found = `${(error as Error).message}${code && !(error as Error).message.includes(code) ? ` (${code})` : ""}`;
  if (isNoPassword(error)) {
    return explained(error, "authentication-failed", `${where} wants a password, and there is none.`, {
      expected: "a password for this user",
      found: "neither PGPASSWORD nor a line that fits in the password file",
      next: passwordNext(settings),
    });
  }
  if (isTlsError(error)) {
    return explained(
      error,
      "connection-failed",
      `No TLS connection to ${where} that sslmode=${settings.sslMode} would accept.`,
      {
        found,
        next: tlsNext(code, error as Error),
      },
    );
  }
  const known: Readonly<Record<string, readonly [string, string]>> = {
    ECONNREFUSED: ["nothing listens there", `Start the server, or correct host and port: ${host}, ${port}.`],
    ENOENT: ["there is no such socket", `Start the server, or correct the socket's folder: ${host}.`],
    ENOTFOUND: ["the host's name is not known", `Correct the host: ${host}.`],
    EAI_AGAIN: ["the host's name can't be looked up now", "Check this machine's network, then try again."],
    ETIMEDOUT: ["it did not answer in time", "Check the network and firewalls in between."],
    EHOSTUNREACH: ["there is no way to that host", "Check the network in between."],
    ENETUNREACH: ["there is no way to that host", "Check the network in between."],
  };
  const timedOut = (error as Error).message === "timeout expired";
  const [why, next] = known[timedOut ? "ETIMEDOUT" : (code ?? "")] ?? [
    "the connection broke off",
    "See the server's log.",
  ];
  return explained(error, "connection-failed", `${where} can't be reached: ${why}.`, { found, next: [next] });
}

/** Making the schema was refused. */
export const explainNoSchema = (error: unknown, settings: PostgresSettings): OrchError =>
  isServerError(error) && error.code === "42501"
    ? explained(
        error,
        "permission-denied",
        `${describePostgres(settings)}: ${settings.user} may not make orch's schema ${settings.schema}.`,
        {
          expected: `the right CREATE on the database ${settings.database}, or a schema that ${settings.user} owns`,
          found: foundOf(error),
          next: [rights(settings)],
        },
      )
    : explainPostgres(error, settings);

function explained(
  cause: unknown,
  reason: FailureReason,
  message: string,
  more: Partial<Failure>,
): OrchError {
  return new OrchError({ reason, message, ...more }, { cause });
}

const foundOf = (error: ServerError): string =>
  [`${error.message} (SQLSTATE ${error.code})`, error.detail, error.hint].filter(Boolean).join("; ");

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** OpenSSL's and Node's codes, and pg's own words for a server without TLS. */
function isTlsError(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return (
    isWithoutTls(error) ||
    /SSL connection/.test(message) ||
    /^(ERR_TLS_|ERR_SSL_|EPROTO|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code ?? "")
  );
}
export const isWithoutTls = (error: unknown): boolean =>
  error instanceof Error && error.message === "The server does not support SSL connections";

const isNoPassword = (error: unknown): boolean =>
  error instanceof Error && /password must be a (non-empty )?string/i.test(error.message);

function passwordNext({ host, port, user, database, password }: PostgresSettings): string[] {
  return [
    ...(password === undefined
      ? []
      : ["The one that was tried is that of the URL or of PGPASSWORD; correct it."]),
    `Set PGPASSWORD, or put a line \`${host}:${port}:${database}:${user}:PASSWORD\` into ~/.pgpass (mode 0600).`,
  ];
}

function tlsNext(code: string | undefined, error: Error): string[] {
  if (isWithoutTls(error))
    return ["Turn TLS on at the server (`ssl = on`), or allow plain connections with sslmode=disable."];
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return ["Use the name that the certificate has as the URL's host, or sslmode=verify-ca."];
  return ["Name the certificate of the authority that signed the server's: sslrootcert=PATH."];
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const rights = ({ schema, user }: PostgresSettings): string =>
  `As an administrator of the database: CREATE SCHEMA IF NOT EXISTS ${quoted(schema)} AUTHORIZATION ${quoted(user)}; where another user made its tables, GRANT ALL ON SCHEMA ${quoted(schema)} TO ${quoted(user)}; GRANT ALL ON ALL TABLES IN SCHEMA ${quoted(schema)} TO ${quoted(user)}; and the same for ALL SEQUENCES.`;
