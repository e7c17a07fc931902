/**
 * Protobuf's well-known types, as the same classes that `@pulumi/pulumi/proto/*` uses.
 *
 * google-protobuf keeps every message in one global namespace, so a second copy in the process (our own, in another
 * version) would overwrite the first one's classes. Hence they are resolved from where the SDK is.
 */
import { createRequire } from "node:module";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import type { ListValue, Struct, Value } from "google-protobuf/google/protobuf/struct_pb.js";

const here = createRequire(import.meta.url);
const sdk = createRequire(here.resolve("@pulumi/pulumi/package.json"));

/** The constructor of a message class; `data` is protobuf's own array form, taken as it is, not copied. */
interface MessageClass<T> {
  new (data?: unknown[]): T;
  deserializeBinary(bytes: Uint8Array): T;
}

const structs = sdk("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: MessageClass<Struct>;
  Value: MessageClass<Value>;
};
const empties = sdk("google-protobuf/google/protobuf/empty_pb.js") as { Empty: MessageClass<Empty> };

export const StructMessage = structs.Struct;
export const ValueMessage = structs.Value;
export const EmptyMessage = empties.Empty;
export type { Empty, ListValue, Struct, Value as ProtoValue };
