/** Resource states, intents and outputs as JSON text, with secrets as ciphertext, and back. */
import { fail, OrchError } from "../../model/failure.js";
import type { ResourceOptions, ResourceState } from "../../model/resource.js";
import type { PropertyMap, Value } from "../../model/value.js";
import { decode, decodeMap, encode, encodeMap, type Json } from "../../wire/json.js";
import type { Crypter, Intent, StackOutputs } from "../contract.js";

export interface RowCodec {
  encodeState(state: ResourceState): string;
  decodeState(row: { readonly urn: string; readonly deposed: string; readonly body: string }): ResourceState;
  encodeIntent(intent: Intent): string;
  decodeIntent(body: string): Intent;
  encodeOutputs(outputs: PropertyMap): string;
  decodeOutputs(body: string): PropertyMap;
}

type JsonMap = { [key: string]: Json };

/** The codec of one stack's rows. Decoding throws `state-invalid` on a damaged row, `secret-unreadable` on a wrong key. */
export function rowCodec(crypter: Crypter): RowCodec {
  const encoding = { secrets: (plaintext: string) => crypter.encrypt(plaintext) };
  const decoding = { decrypt: (ciphertext: string) => crypter.decrypt(ciphertext) };

  const encodeOptions = ({ replacementTrigger, ...options }: ResourceOptions) =>
    replacementTrigger === undefined
      ? options
      : { ...options, replacementTrigger: encode(replacementTrigger, encoding) };
  const decodeOptions = (json: JsonMap): ResourceOptions => {
    const trigger = json.replacementTrigger;
    if (trigger === undefined) return json as ResourceOptions;
    return { ...(json as ResourceOptions), replacementTrigger: decode(trigger, decoding) };
  };

  return {
    encodeState({ urn: _urn, deposed: _deposed, ...state }) {
      return JSON.stringify({
        ...state,
        inputs: encodeMap(state.inputs, encoding),
        outputs: encodeMap(state.outputs, encoding),
        options: encodeOptions(state.options),
      });
    },
    decodeState({ urn, deposed, body }) {
      return readable(`the resource ${urn}`, () => {
        const json = JSON.parse(body);
        return {
          ...json,
          urn,
          ...(deposed === "" ? {} : { deposed }),
          inputs: decodeMap(json.inputs, decoding),
          outputs: decodeMap(json.outputs, decoding),
          options: decodeOptions(json.options),
        };
      });
    },
    encodeIntent: (intent) =>
      JSON.stringify({
        ...intent,
        inputs: encodeMap(intent.inputs, encoding),
        ...(intent.expected ? { expected: withOptions(intent.expected, encodeOptions) } : {}),
      }),
    decodeIntent: (body) =>
      readable("an unfinished step", () => {
        const json = JSON.parse(body);
        return {
          ...json,
          inputs: decodeMap(json.inputs, decoding),
          ...(json.expected ? { expected: withOptions(json.expected, decodeOptions) } : {}),
        };
      }),
    encodeOutputs: (outputs) => JSON.stringify(encodeMap(outputs, encoding)),
    decodeOutputs: (body) => readable("the stack's outputs", () => decodeMap(JSON.parse(body), decoding)),
  };
}

/** A stack's outputs as far as they can be read: without a key, or with one that is not theirs, those without secrets. */
export function readableOutputs(body: string, crypter: Crypter | undefined): StackOutputs {
  const values: Record<string, Value> = {};
  const unreadable: string[] = [];
  for (const [name, json] of Object.entries(JSON.parse(body) as JsonMap)) {
    try {
      values[name] = decode(json, { decrypt: (text) => (crypter ?? failNoKey()).decrypt(text) });
    } catch (error) {
      if (!(error instanceof OrchError) || error.failure.reason !== "secret-unreadable") throw error;
      unreadable.push(name);
    }
  }
  return { values, unreadable };
}

const failNoKey = (): never =>
  fail({ reason: "secret-unreadable", message: "The key of the other stack is not at hand." });

/** Options are all that can hold a value in an expected outcome. */
function withOptions<O>(
  expected: { readonly row?: { readonly options: O } },
  convert: (options: O) => unknown,
): unknown {
  const { row } = expected;
  return row ? { ...expected, row: { ...row, options: convert(row.options) } } : expected;
}

function readable<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OrchError) throw error;
    return fail(
      {
        reason: "state-invalid",
        message: `The stored row of ${what} can't be read.`,
        found: error instanceof Error ? error.name : "something that is not JSON",
        next: ["Restore the state database from a copy; nothing was changed."],
      },
      error,
    );
  }
}
