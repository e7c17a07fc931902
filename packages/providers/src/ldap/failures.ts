/** What went wrong with a directory, and what to do next. Result codes: RFC 4511, appendix A; Active Directory's own: MS-ADTS, MS-ERREF. */
import { type Failure, OrchError } from "@orch/core/model/failure";
import { ResultCodeError } from "ldapts";
import { notSent } from "../direct/http/failures.js";

/** What was asked of the server, for messages: `adding uid=a,ou=people`, and what right that needs. */
export interface Doing {
  readonly what: string;
  readonly dn?: string;
  readonly right: string;
}

/** The server's own words, without what the client adds. */
export function saidBy(error: ResultCodeError): string {
  return error.message
    .replace(/ ?Code: 0x[0-9a-f]+$/i, "")
    .replace(/[\0\s]+/g, " ")
    .trim();
}

const answer = (error: ResultCodeError): string => {
  const said = saidBy(error);
  return `result ${error.code}${said ? `: ${said}` : ""}`;
};

/** Active Directory tells why in the text: `80090308: LdapErr: …, data 52e, v4563`. Samba says the same. */
const bindCauses: Readonly<Record<string, readonly [what: string, next: string]>> = {
  "525": ["there is no such user", "Correct `bindDn`."],
  "52e": [
    "the user or the password is wrong",
    "Correct `bindDn` and `password` in the provider's configuration.",
  ],
  "530": ["the user may not log in at this time", "Change the user's logon hours, or use another user."],
  "531": [
    "the user may not log in from this machine",
    "Change where the user may log on, or use another user.",
  ],
  "532": ["the user's password has expired", "Give the user a new password."],
  "533": ["the user is disabled", "Enable the user, or use another."],
  "701": ["the user's account has expired", "Change when the account expires, or use another user."],
  "773": ["the user must change the password first", "Give the user a new password."],
  "775": ["the user is locked out", "Unlock the user (`lockoutTime` 0) or wait, and correct the password."],
};
export const bindCode = (error: unknown): string | undefined =>
  error instanceof ResultCodeError
    ? /\bdata ([0-9a-f]{3})\b/i.exec(error.message)?.[1]?.toLowerCase()
    : undefined;

const lookAfter = "Run the same command again: what was under way is looked after first.";

/** The result code; undefined: it is no answer of the server. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof ResultCodeError ? error.code : undefined;

export function bindFailed(
  error: unknown,
  service: string,
  login: { readonly user: string } | "external" | undefined,
): unknown {
  const user =
    login === undefined
      ? "anybody without a login"
      : login === "external"
        ? "the client certificate"
        : login.user;
  if (!(error instanceof ResultCodeError)) return error;
  const [what, next] = bindCauses[bindCode(error) ?? ""] ?? [
    error.code === 49 || error.code === 32 ? "the user or the password is wrong" : saidBy(error),
    error.code === 13 || error.code === 8
      ? "Use an ldaps:// address or `startTls: true`: the server takes logins over TLS only."
      : "Correct `bindDn` and `password` in the provider's configuration.",
  ];
  return new OrchError(
    {
      reason: "authentication-failed",
      message: `${service} does not let ${user} in: ${what}.`,
      expected: "a user and a password that it accepts",
      found: answer(error),
      next: [next],
    },
    { cause: error },
  );
}

/** No connection: nothing was asked. */
export function unreachable(error: unknown, service: string): OrchError {
  const known = notSent(error);
  const failure: Failure = known
    ? known.failure({ service, baseUrl: "ldap://server" } as never, {} as never).failure
    : {
        reason: "connection-failed",
        message: `${service} can't be reached: ${error instanceof Error ? error.message : String(error)}.`,
        next: ["Check the address, and that the server runs and can be reached from here."],
      };
  const wrongProtocol = failure.found === "ERR_SSL_WRONG_VERSION_NUMBER";
  return new OrchError(
    {
      ...failure,
      ...(failure.expected?.startsWith("an answer from") ? { expected: "an LDAP server there" } : {}),
      ...(wrongProtocol
        ? { next: ["Use ldap:// (with StartTLS) there, or the server's port for ldaps://."] }
        : {}),
    },
    { cause: error },
  );
}

export const lost = (service: string, doing: Doing): OrchError =>
  new OrchError({
    reason: "connection-lost",
    message: `The connection to ${service} was lost while ${doing.what}.`,
    expected: "an answer",
    found: "none",
    next: [lookAfter],
  });

export const tooSlow = (service: string, doing: Doing, seconds: number): OrchError =>
  new OrchError({
    reason: "timeout",
    message: `${service} did not answer within ${seconds} s while ${doing.what}.`,
    expected: "an answer",
    found: "none",
    next: [lookAfter, "Give it longer with the provider's `requestTimeout`."],
  });

interface Meaning {
  readonly reason: Failure["reason"];
  readonly message: string;
  readonly expected?: string;
  readonly next: readonly string[];
}

/** An answer other than success. */
export function refused(error: ResultCodeError, service: string, doing: Doing): OrchError {
  const { code } = error;
  const said = saidBy(error);
  const meaning = meaningOf(code, said, service, doing);
  return new OrchError({ ...meaning, found: answer(error) }, { cause: error });
}

function meaningOf(code: number, said: string, service: string, doing: Doing): Meaning {
  const { what, dn } = doing;
  switch (code) {
    case 3:
    case 4:
    case 11:
      return {
        reason: "provider-error",
        message: `${service} gave up while ${what}: its limit on ${code === 3 ? "time" : "size"} was reached.`,
        next: ["Narrow the search, or have the server's limit for this user raised."],
      };
    case 8:
    case 13:
      return {
        reason: "permission-denied",
        message: `${service} refuses ${what} without encryption.`,
        expected: "TLS",
        next: ["Use an ldaps:// address or `startTls: true`."],
      };
    case 10:
      return {
        reason: "provider-error",
        message: `${service} does not hold ${dn ?? "this"} itself and refers to another server.`,
        next: ["Give a provider with the address of the server that holds it (a writable one)."],
      };
    case 12:
      return {
        reason: "unsupported",
        message: `${service} lacks something that ${what} needs.`,
        next: ["Find out which control it is from the server's words."],
      };
    case 17:
    case 16:
      return {
        reason: code === 17 || /schema/i.test(said) ? "invalid-property" : "conflict",
        message:
          code === 17 || /schema/i.test(said)
            ? `${service} knows no such attribute, while ${what}.`
            : `${dn} is no longer as it was planned, while ${what}.`,
        next:
          code === 17 || /schema/i.test(said)
            ? ["Correct the attribute's name, or load the schema that defines it."]
            : ["See what changed with `orch plan --refresh`."],
      };
    case 19:
      return {
        reason: "invalid-property",
        message: `${service} does not accept a value, while ${what}${/password|0000052D/i.test(said) ? ": the password does not meet its policy" : ""}.`,
        expected: /password|0000052D/i.test(said)
          ? "a password as long, complex, new and old as the domain's policy asks"
          : "a value that the directory's rules allow",
        next: ["Correct the value."],
      };
    case 20:
      return {
        reason: "conflict",
        message: `A value is there already, while ${what}.`,
        next: ["See what changed with `orch plan --refresh`."],
      };
    case 21:
    case 34:
    case 64:
      return {
        reason: "invalid-property",
        message: `${service} can't read ${code === 21 ? "a value" : "a name"}, while ${what}.`,
        next: [
          code === 21 ? "Correct the value to the attribute's syntax." : "Correct the distinguished name.",
        ],
      };
    case 32:
      return {
        reason: "provider-error",
        message: `There is no such entry, or this user may not see it, while ${what}.`,
        next: [
          "Create what it stands below first (`dependsOn`), or see what changed with `orch plan --refresh`.",
        ],
      };
    case 48:
    case 49:
      return {
        reason: "authentication-failed",
        message: `${service} wants another login for ${what}.`,
        next: ["Correct `bindDn` and `password` in the provider's configuration."],
      };
    case 1:
    case 50:
      if (code === 1 && !/bind/i.test(said)) break;
      return {
        reason: "permission-denied",
        message: `The provider's user may not do this: ${what}.`,
        expected: doing.right,
        next: [`Give the user that right: ${doing.right}.`],
      };
    case 51:
    case 52:
      return {
        reason: "throttled",
        message: `${service} is too busy or not available, while ${what}.`,
        next: ["Run the same command again later."],
      };
    case 53:
      return {
        reason: "invalid-property",
        message: `${service} is not willing to do this: ${what}.`,
        next: [
          /0000052D|password/i.test(said)
            ? "Give a password that meets the domain's policy, over TLS."
            : "The server's words say why.",
        ],
      };
    case 65:
      return {
        reason: "invalid-property",
        message: `${dn} would not fit its object classes, while ${what}.`,
        expected:
          "the attributes that its object classes ask for and allow, and one structural class that stays",
        next: ["Correct the attributes or object classes."],
      };
    case 66:
      return {
        reason: "conflict",
        message: `${dn} can't be deleted: entries stand below it.`,
        expected: "nothing below it",
        next: ["Delete or move what stands below it, or bring that under orch's management."],
      };
    case 67:
      return {
        reason: "invalid-property",
        message: `${dn}: its own name can't be changed as an attribute.`,
        next: ["Change the distinguished name instead."],
      };
    case 68:
      return {
        reason: "conflict",
        message: `There is such an entry already, while ${what}.`,
        next: ["Import it, or choose another name."],
      };
    case 69:
      return {
        reason: "invalid-property",
        message: `The object classes of ${dn} can't be changed so.`,
        next: ['Replace the entry: resource option `replaceOnChanges: ["objectClasses"]`.'],
      };
  }
  return {
    reason: "provider-error",
    message: `${service} answered result ${code} while ${what}.`,
    next: ["The server's words say why."],
  };
}

/** The result code of the answer that a failure came from. */
export const answeredCode = (error: unknown): number | undefined =>
  error instanceof OrchError ? codeOf(error.cause) : undefined;
