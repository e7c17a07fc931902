/** How a directory is reached: configuration that `ldap` and `activedirectory` share. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import type { ConnectionSettings } from "./connection.js";
import { isDn } from "./dn.js";

/** A text that is a distinguished name (RFC 4514). */
export const dnText = z
  .string()
  .refine(isDn, "a distinguished name such as cn=web,ou=servers,dc=example,dc=com");

export const connectionConfig = {
  url: z
    .string()
    .regex(/^ldaps?:\/\/[^/?#@\s]+\/?$/i, "an address such as ldaps://dc1.example.com")
    .describe("The server: ldaps://host[:port], or ldap://host[:port] with StartTLS."),
  startTls: z
    .boolean()
    .default(true)
    .describe(
      "Encrypt an ldap:// connection before logging in. False sends passwords in the clear. Default true.",
    ),
  bindDn: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Who logs in: a distinguished name; Active Directory also takes user@domain and DOMAIN\\user. Absent: the client certificate (SASL EXTERNAL), or nobody.",
    ),
  password: z.string().min(1).meta({ secret: true }).optional().describe("Password of `bindDn`."),
  ca: z
    .string()
    .optional()
    .describe(
      "The authority that signed the server's certificate: PEM text or a file. Default: those that Node.js knows.",
    ),
  serverName: z
    .string()
    .optional()
    .describe("The name in the server's certificate, where it is not the address's."),
  clientCertificate: z.string().optional().describe("PEM text or a file."),
  clientKey: z
    .string()
    .meta({ secret: true })
    .optional()
    .describe("Key of `clientCertificate`: PEM text or a file."),
  connectTimeout: z
    .number()
    .positive()
    .default(10)
    .describe("Seconds for connecting and logging in. Default 10."),
  requestTimeout: z.number().positive().default(60).describe("Seconds for one request. Default 60."),
};
type Config = z.output<z.ZodObject<typeof connectionConfig>>;

/** PEM text, or the text of the file that is named; relative to the project. */
function pem(property: string, given: string | undefined, projectDir: string): string | undefined {
  if (given === undefined || given.includes("-----BEGIN")) return given;
  const path = resolve(projectDir, given.replace(/^~(?=\/)/, homedir()));
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return fail(
      {
        reason: "provider-config",
        message: `The file in ${property} can't be read: ${(error as Error).message}`,
        path: property,
        expected: "PEM text, or a file that holds it",
        next: [`Correct ${property} in the provider's configuration.`],
      },
      error,
    );
  }
}

export function connectionSettings(config: Config, projectDir: string): ConnectionSettings {
  const { url, startTls, bindDn, password, serverName, connectTimeout, requestTimeout } = config;
  if ((bindDn === undefined) !== (password === undefined))
    fail({
      reason: "provider-config",
      message: "A login is a user and a password.",
      path: bindDn === undefined ? "bindDn" : "password",
      expected: "bindDn and password, or neither",
      found: bindDn === undefined ? "password only" : "bindDn only",
      next: ["Give both in the provider's configuration."],
    });
  const ca = pem("ca", config.ca, projectDir);
  const cert = pem("clientCertificate", config.clientCertificate, projectDir);
  const key = pem("clientKey", config.clientKey, projectDir);
  return {
    url,
    startTls,
    login:
      bindDn !== undefined && password !== undefined
        ? { user: bindDn, password }
        : cert !== undefined
          ? "external"
          : undefined,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { serverName }),
    },
    connectTimeout,
    requestTimeout,
  };
}
