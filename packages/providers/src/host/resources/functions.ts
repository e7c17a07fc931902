/** Functions that look at a machine. */
import * as pulumi from "@pulumi/pulumi";
import { type Connection, protect, withVersion } from "./shared.js";

export interface ReadFileArgs {
  /** Absolute path on the machine. */
  path: string;
  connection?: Connection;
}
export interface ReadFileResult {
  readonly path: string;
  /** The content, where it is text of at most 256 KiB. */
  readonly content?: string;
  /** The content otherwise. */
  readonly base64?: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** Reads a file that orch need not manage; while planning, too. */
export function readFile(args: ReadFileArgs, options?: pulumi.InvokeOptions): Promise<ReadFileResult> {
  return pulumi.runtime.invoke("host:index:readFile", withConnection(args), withVersion(options));
}
export function readFileOutput(
  args: { path: pulumi.Input<string>; connection?: pulumi.Input<Connection> },
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<ReadFileResult> {
  return pulumi.runtime.invokeOutput("host:index:readFile", withConnection(args), withVersion(options));
}

export interface Facts {
  /** As `uname -n` gives it. */
  readonly hostname: string;
  /** `debian`, `ubuntu`, `alpine`, `macos` …; empty where it can't be told. */
  readonly os: string;
  /** `13`; empty where there is none. */
  readonly osVersion: string;
  /** In full, for people. */
  readonly osName: string;
  /** `Linux`, `Darwin` … */
  readonly kernel: string;
  readonly kernelVersion: string;
  /** `x86_64`, `aarch64` … */
  readonly architecture: string;
  readonly cpus: number;
  /** 0 where it can't be told. */
  readonly memoryBytes: number;
  /** The login's user. */
  readonly user: string;
  readonly uid: number;
  readonly home: string;
}

/** What a machine is: its name, system, kernel, size. */
export function facts(
  args: { connection?: Connection } = {},
  options?: pulumi.InvokeOptions,
): Promise<Facts> {
  return pulumi.runtime.invoke("host:index:facts", withConnection(args), withVersion(options));
}
export function factsOutput(
  args: { connection?: pulumi.Input<Connection> } = {},
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<Facts> {
  return pulumi.runtime.invokeOutput("host:index:facts", withConnection(args), withVersion(options));
}

function withConnection<A extends { connection?: pulumi.Input<Connection> }>(args: A): pulumi.Inputs {
  const connection = protect(args.connection);
  return { ...args, ...(connection === undefined ? {} : { connection }) };
}
