/** What the API server answers when it does not do what was asked, in the words of failures. */
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { HttpAnswer } from "../direct/http/client.js";
import { isObject, type Json, listAt, textAt } from "./object.js";

/** Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly StatusCause[];
  /** What `details` is about: for a 404, whether the object, its namespace or its kind is missing. */
  readonly detailsKind?: string;
  /** Of a 410: how a list that took too long goes on. */
  readonly continue?: string;
}
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  /** `.spec.replicas`, `spec.containers[0].name` */
  readonly field: string;
}

/** Carries the server's answer, for those who know what it means to them. */
export class StatusError extends OrchError {
  constructor(
    readonly status: Status,
    failure: Failure,
  ) {
    super(failure);
    this.name = "StatusError";
  }
}

export const isStatus = (error: unknown, code: number): error is StatusError =>
  error instanceof StatusError && error.status.code === code;

/** What was applied with a uid met another object of the name, or none. */
export const isUidMismatch = (error: unknown): boolean =>
  (isStatus(error, 409) && /\buid\b/i.test(error.status.message)) ||
  (isStatus(error, 422) && error.status.causes.some(({ field }) => field === "metadata.uid"));

/** Does the failure mean that no API server was talked to? */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof OrchError &&
  ["connection-failed", "connection-lost", "timeout"].includes(error.failure.reason);
export const isForbidden = (error: unknown): boolean =>
  error instanceof OrchError && error.failure.reason === "permission-denied";

export function statusOf(answer: HttpAnswer): Status {
  let body: Json | undefined;
  try {
    body = JSON.parse(answer.text) as Json;
  } catch {
    // A proxy's page, or plain text: told as it is.
  }
  const detailsKind = textAt(body, "details", "kind");
  const token = textAt(body, "metadata", "continue");
  return {
    code: answer.status,
    reason: textAt(body, "reason") ?? "",
    message: textAt(body, "message") ?? answer.text.trim().slice(0, 500),
    causes: listAt(body, "details", "causes")
      .filter(isObject)
      .map((cause) => ({
        reason: textAt(cause, "reason") ?? "",
        message: textAt(cause, "message") ?? "",
        field: (textAt(cause, "field") ?? "").replace(/^\./, ""),
      })),
    ...(detailsKind === undefined ? {} : { detailsKind }),
    ...(token ? { continue: token } : {}),
  };
}

/** @param doing a sentence's end: `apply the apps/v1 Deployment shop/web` */
export function statusError(status: Status, service: string, doing: string): StatusError {
  const { code, causes } = status;
  const found = `HTTP ${code}: ${status.message}`;
  const fields = causes.filter(({ field }) => field !== "");
  const [first] = fields;
  const typed = typedField(status.message);
  if (code === 422 || code === 400 || typed) {
    const path = first?.field ?? typed ?? unknownField(status.message);
    return new StatusError(status, {
      reason: "invalid-property",
      message: typed
        ? `${service} refused to ${doing}: there is no such field.`
        : `${service} refused to ${doing}: it is not valid.`,
      ...(path ? { path } : {}),
      found: typed ?? (first ? first.message : found),
      ...(fields.length > 1
        ? {
            causes: fields.map((cause) => ({
              reason: "invalid-property" as const,
              message: cause.message,
              path: cause.field,
            })),
          }
        : {}),
      next: ["Correct the property in the program."],
    });
  }
  if (code === 409)
    return new StatusError(status, { reason: "conflict", message: `${service} refused to ${doing}.`, found });
  return new StatusError(status, {
    reason: "provider-error",
    message: `${service} refused to ${doing}.`,
    found,
  });
}

/** Of `failed to create typed patch object (…): .spec.foo: field not declared in schema`. */
const typedField = (message: string): string | undefined =>
  /(?:^|[ :])\.((?:[\w-]+(?:\[[^\]]*\])?\.?)+): field not declared in schema/.exec(message)?.[1];

/** The field that there is not, where that is what the server says. */
export const unknownFieldOf = ({ message }: Status): string | undefined =>
  typedField(message) ?? unknownField(message);

/** Of `strict decoding error: unknown field "spec.foo"`. */
const unknownField = (message: string): string | undefined => /unknown field "([^"]+)"/.exec(message)?.[1];

/** One right, as RBAC names it. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A 403: either a right is missing, or an admission plugin (a quota, a policy) refused the content. */
export function forbidden(failure: Failure, right: Right, service: string, doing: string): OrchError {
  const said = failure.found ?? "";
  const { verb, group, resource, namespace } = right;
  const where = namespace === undefined ? "in the whole cluster" : `in the namespace ${namespace}`;
  if (/ cannot [\w*]+ (resource|path)/.test(said)) {
    const user = /User "([^"]*)"/.exec(said)?.[1];
    const account = user ? `The user ${user}` : "This account";
    const what = `${verb} ${resource}${group === "" ? "" : `.${group}`}`;
    return new OrchError({
      reason: "permission-denied",
      message: `${account} may not ${what} ${where}, and so ${service} refused to ${doing}.`,
      expected: `the verb ${JSON.stringify(verb)} on ${JSON.stringify(resource)} of the API group ${JSON.stringify(group)} ${where}`,
      found: said,
      next: [
        namespace === undefined
          ? "Bind a ClusterRole with this right to the account, or use another account."
          : `Bind a Role with this right to the account in the namespace ${namespace}, or use another account.`,
        `kubectl auth can-i ${verb} ${resource}${group === "" ? "" : `.${group}`}${namespace === undefined ? "" : ` -n ${namespace}`}`,
      ],
    });
  }
  return new OrchError({
    reason: /quota/.test(said) ? "provider-error" : "invalid-property",
    message: `${service} refused to ${doing}: ${/quota/.test(said) ? "a quota is used up" : "an admission rule does not allow it"}.`,
    found: said,
    next: ["Change the object so that the rule allows it, or have the rule or quota changed."],
  });
}
