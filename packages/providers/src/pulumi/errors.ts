/**
 * What went wrong in a plugin, as a Failure. Plugins pack details into the gRPC status (`grpc-status-details-bin`).
 * Source: pulumi/pulumi `sdk/go/common/util/rpcutil/rpcerror` and `provider_plugin.go` (parseError, createConfigureError).
 */
import { type ServiceError, status } from "@grpc/grpc-js";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import type { Struct } from "@orch/core/wire/struct";
import { isServiceError } from "./call.js";
import { errorsPb, providerPb, statusPb } from "./proto.js";
import type { Redactor } from "./redact.js";

/** The object was made or changed, but is not in order yet. */
export interface InitFailed {
  readonly id: string;
  readonly properties?: Struct | undefined;
  readonly inputs?: Struct | undefined;
  readonly reasons: readonly string[];
}

interface Details {
  readonly initFailed?: InitFailed;
  readonly missingKeys: readonly { name: string; description: string }[];
  readonly propertyErrors: readonly { path: string; reason: string }[];
  readonly causes: readonly { message: string; stack: string }[];
}

/** Reads the messages packed into the error's status; those of unknown types are left out. */
export function errorDetails(error: ServiceError): Details {
  const details: { -readonly [K in keyof Details]: Details[K] } = {
    missingKeys: [],
    propertyErrors: [],
    causes: [],
  };
  const packed = error.metadata.get("grpc-status-details-bin")[0];
  if (packed === undefined) return details;
  for (const any of statusPb.Status.deserializeBinary(Buffer.from(packed as Buffer)).getDetailsList()) {
    const bytes = any.getValue_asU8();
    switch (any.getTypeUrl().split("/").pop()) {
      case "pulumirpc.ErrorResourceInitFailed": {
        const message = providerPb.ErrorResourceInitFailed.deserializeBinary(bytes);
        details.initFailed = {
          id: message.getId(),
          properties: message.getProperties(),
          inputs: message.getInputs(),
          reasons: message.getReasonsList(),
        };
        break;
      }
      case "pulumirpc.ConfigureErrorMissingKeys":
        details.missingKeys = providerPb.ConfigureErrorMissingKeys.deserializeBinary(bytes)
          .getMissingkeysList()
          .map((key) => ({ name: key.getName(), description: key.getDescription() }));
        break;
      case "pulumirpc.InputPropertiesError":
        details.propertyErrors = errorsPb.InputPropertiesError.deserializeBinary(bytes)
          .getErrorsList()
          .map((item) => ({ path: item.getPropertyPath(), reason: item.getReason() }));
        break;
      case "pulumirpc.ErrorCause": {
        const cause = errorsPb.ErrorCause.deserializeBinary(bytes);
        details.causes = [...details.causes, { message: cause.getMessage(), stack: cause.getStacktrace() }];
        break;
      }
    }
  }
  return details;
}

/** What a failure needs to know of the plugin it is about. */
export interface Subject {
  readonly name: string;
  readonly redactor: Redactor;
  /** Why it is gone and its last lines, when it is; waits a moment for them. */
  died(): Promise<Death | undefined>;
  /** As `died`, at once. */
  gone(): Death | undefined;
}
export interface Death {
  /** `exit code 2`, `signal SIGKILL`. */
  readonly how: string;
  /** The last lines it printed, redacted. */
  readonly lastWords: string;
}

export interface Attempt {
  /** `create "bucket"`: completes "could not …". */
  readonly what: string;
  readonly verb: "configure" | "invoke" | "other";
  readonly urn?: Urn | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** Any error of a request as an OrchError. Never holds a secret that the plugin was given. */
export async function toOrchError(error: unknown, subject: Subject, attempt: Attempt): Promise<OrchError> {
  if (error instanceof OrchError) return error;
  if (!isServiceError(error)) {
    // What grpc throws for a request after close().
    if (!(error instanceof Error) || !/channel has been (shut down|closed)/i.test(error.message)) throw error;
    return new OrchError(
      {
        reason: "provider-error",
        message: `The provider ${subject.name} is stopped already: could not ${attempt.what}.`,
        ...(attempt.urn === undefined ? {} : { urn: attempt.urn }),
      },
      { cause: error },
    );
  }
  return new OrchError(await describe(error, subject, attempt), { cause: error });
}

async function describe(error: ServiceError, subject: Subject, attempt: Attempt): Promise<Failure> {
  const { name, redactor } = subject;
  const place = attempt.urn === undefined ? {} : { urn: attempt.urn };
  const details = errorDetails(error);
  if (error.code === status.CANCELLED) {
    return {
      ...place,
      reason: "interrupted",
      message: `The provider ${name} was interrupted: could not ${attempt.what}.`,
    };
  }
  if (error.code === status.DEADLINE_EXCEEDED && attempt.timeoutSeconds) {
    return {
      ...place,
      reason: "timeout",
      message: `The provider ${name} did not ${attempt.what} in time.`,
      expected: `an answer within ${attempt.timeoutSeconds} s`,
      next: [
        "Look whether the object exists, then run the same command again, or raise `customTimeouts` of the resource.",
      ],
    };
  }
  // No channel, so nothing was sent: unlike after a crash in the middle it is plain that nothing happened.
  if (error.code === status.UNAVAILABLE && error.details.startsWith("No connection established")) {
    return notTried(name, await subject.died(), attempt);
  }
  if (error.code === status.UNAVAILABLE || error.code === status.INTERNAL) {
    const died =
      error.code === status.UNAVAILABLE || /RST_STREAM|socket|ECONNRESET/i.test(error.details)
        ? await subject.died()
        : undefined;
    if (died !== undefined) return crashed(name, died, attempt.what, attempt.urn);
    if (error.code === status.UNAVAILABLE) {
      return {
        ...place,
        reason: "provider-crashed",
        message: `The provider ${name} does not answer any more: could not ${attempt.what}.`,
        detail: redactor.redact(error.details),
        next: ["Run the same command again; what was done is kept."],
      };
    }
  }
  if (details.missingKeys.length > 0) return missingConfig(name, details.missingKeys, place);
  const message = redactor.redact(error.details || error.message);
  const causes = details.causes
    .map((cause) => redactor.redact(cause.message))
    .filter((text) => !message.includes(text));
  if (details.propertyErrors.length > 0) {
    const wrong = details.propertyErrors.map(
      ({ path, reason }): Failure => ({
        ...place,
        reason: "invalid-property",
        path,
        message: redactor.redact(reason),
      }),
    );
    const [only, second] = wrong;
    if (only !== undefined && second === undefined) return only;
    return {
      ...place,
      reason: "invalid-property",
      message: `The provider ${name} could not ${attempt.what}: ${message}`,
      causes: wrong,
    };
  }
  const stack = details.causes.map((cause) => cause.stack).filter((text) => text !== "");
  return {
    ...place,
    reason:
      attempt.verb === "configure"
        ? "provider-config"
        : attempt.verb === "invoke"
          ? "invoke-failed"
          : "provider-error",
    message: `The provider ${name} could not ${attempt.what}: ${[message, ...causes].join(": ")}`,
    ...(stack.length > 0 ? { detail: redactor.redact(stack.join("\n")) } : {}),
  };
}

/** The plugin was gone before it was asked. */
export function notTried(
  name: string,
  death: Death | undefined,
  attempt: Pick<Attempt, "what" | "urn">,
): Failure {
  return {
    reason: "provider-error",
    message: `The provider ${name} ${death === undefined ? "does not answer any more" : `has crashed before (${death.how})`}; it was not asked to ${attempt.what}.`,
    ...(attempt.urn === undefined ? {} : { urn: attempt.urn }),
    ...(death === undefined || death.lastWords === "" ? {} : { detail: death.lastWords }),
    next: ["Run the same command again."],
  };
}

/** The plugin's process went away while it was asked something: what became of that is not known. */
export function crashed(name: string, died: Death, what: string, urn?: Urn): Failure {
  return {
    reason: "provider-crashed",
    message: `The provider ${name} crashed (${died.how}): could not ${what}.`,
    ...(urn === undefined ? {} : { urn }),
    ...(died.lastWords === "" ? {} : { detail: died.lastWords }),
    next: [
      "Run the same command again: orch then looks what became of the step that was under way.",
      `If it crashes each time, report the last words above to the makers of ${name}, or try another version of it.`,
    ],
  };
}

function missingConfig(
  name: string,
  keys: readonly { name: string; description: string }[],
  place: { urn?: Urn },
): Failure {
  const full = keys.map((key) => ({
    ...key,
    name: key.name.includes(":") ? key.name : `${name}:${key.name}`,
  }));
  return {
    ...place,
    reason: "provider-config",
    message: `The provider ${name} needs configuration that is not set: ${full.map((key) => key.name).join(", ")}.`,
    causes: full.map((key) => ({
      reason: "config-missing",
      message: `${key.name} is not set${key.description ? `: ${key.description}` : ""}`,
      path: key.name,
      next: [`orch config set ${key.name} <value>`],
    })),
    next: full.map((key) => `orch config set ${key.name} <value>`),
  };
}
