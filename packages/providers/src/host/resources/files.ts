/** Files and folders. */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, nothing, withVersion } from "../../direct/program.js";
import { type Connection, protect } from "./shared.js";

export interface FileArgs {
  /** Absolute path on the machine. Another path replaces the file. */
  path: pulumi.Input<string>;
  /** The content as text (UTF-8). Give exactly one of `content`, `source` and `template`. */
  content?: pulumi.Input<string>;
  /** The content as an asset: a file, a text or a URL; may be binary. */
  source?: pulumi.Input<pulumi.asset.Asset>;
  /** The content as a Liquid template (https://liquidjs.com), filled in with `variables`. */
  template?: pulumi.Input<string | pulumi.asset.Asset>;
  /** What the template may use; a variable that it names and that is not here is an error. */
  variables?: pulumi.Input<Record<string, pulumi.Input<unknown>>>;
  /** Permission bits in octal. Default "0644", or "0600" when the content is secret. */
  mode?: pulumi.Input<string>;
  /** User's name or number. Default: whoever has it already, or the login's user. */
  owner?: pulumi.Input<string>;
  /** Group's name or number. Default: as with `owner`. */
  group?: pulumi.Input<string>;
  /** Replace content that orch has neither put there nor shown in a plan. Default false: such a file is a failure that says so. */
  overwrite?: pulumi.Input<boolean>;
  /** Keep what is replaced beside the file, as `<path>.<time>.bak`. Default false. */
  backup?: pulumi.Input<boolean>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

const fileOutputs = ["path", "sha256", "size", "mode", "owner", "group", "content"];

/** A file. Written whole beside its place and then moved there. Its id is its path: `import: "/etc/motd"`. */
export class File extends pulumi.CustomResource {
  declare readonly path: pulumi.Output<string>;
  /** SHA-256 of the content, lower-case hex. */
  declare readonly sha256: pulumi.Output<string>;
  /** Bytes. */
  declare readonly size: pulumi.Output<number>;
  /** Permission bits, such as "0644". */
  declare readonly mode: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly group: pulumi.Output<string>;
  /** The content, where it is text of at most 256 KiB. */
  declare readonly content: pulumi.Output<string | undefined>;

  /** A file that somebody else manages; `id` is its path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): File {
    return new File(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is File {
    return isOfType(value, "host:index:File");
  }
  constructor(name: string, args: FileArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? { ...args, connection: protect(args?.connection) } : {};
    super("host:index:File", name, { ...nothing(fileOutputs), ...inputs }, withVersion(options));
  }
}

export interface DirectoryArgs {
  /** Absolute path on the machine. Another path replaces the folder. */
  path: pulumi.Input<string>;
  /** Permission bits in octal. Default: as it is, and "0755" for a new folder. */
  mode?: pulumi.Input<string>;
  /** User's name or number. */
  owner?: pulumi.Input<string>;
  /** Group's name or number. */
  group?: pulumi.Input<string>;
  /** Make missing folders above it too; they stay when it is deleted. Default true. */
  parents?: pulumi.Input<boolean>;
  /** Delete it with all that is in it. Default false: a folder that is not empty is not deleted. */
  purge?: pulumi.Input<boolean>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** A folder, not what is in it. One that is there already is taken over. Its id is its path. */
export class Directory extends pulumi.CustomResource {
  declare readonly path: pulumi.Output<string>;
  /** Permission bits, such as "0755". */
  declare readonly mode: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly group: pulumi.Output<string>;

  /** A folder that somebody else manages; `id` is its path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Directory {
    return new Directory(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Directory {
    return isOfType(value, "host:index:Directory");
  }
  constructor(name: string, args: DirectoryArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? { ...args, connection: protect(args?.connection) } : {};
    super(
      "host:index:Directory",
      name,
      { ...nothing(["path", "mode", "owner", "group"]), ...inputs },
      withVersion(options),
    );
  }
}
