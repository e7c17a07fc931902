/** What is in files and folders: archives, checkouts, single lines. */
import * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type OnMachine, type Overwriting } from "./shared.js";

export interface ArchiveArgs extends Overwriting {
  /** Absolute path of the folder. Another one replaces. */
  path: pulumi.Input<string>;
  /** The archive as an asset that orch reads and sends over. Give exactly one of `source` and `url`. */
  source?: pulumi.Input<pulumi.asset.Asset>;
  /** Where the machine itself fetches it. Needs `sha256`. */
  url?: pulumi.Input<string>;
  /** SHA-256 of the archive; another one is refused. Follows from `source`. */
  sha256?: pulumi.Input<string>;
  /** Default: by the ending of the file's name. */
  format?: pulumi.Input<"tar" | "tar.gz" | "tar.xz" | "tar.zst" | "tar.bz2" | "zip">;
  /** Leave away so many folders at the beginning of each name. Default 0. */
  strip?: pulumi.Input<number>;
  /** User's name or number of all that is in it. */
  owner?: pulumi.Input<string>;
  /** Group's name or number. */
  group?: pulumi.Input<string>;
}

/** A folder with what an archive holds, owned whole. Unpacked beside its place, then moved there. */
export class Archive extends HostResource {
  declare readonly path: pulumi.Output<string>;
  /** Of the archive that it was unpacked from. */
  declare readonly sha256: pulumi.Output<string>;
  /** Where the machine fetched it. */
  declare readonly url: pulumi.Output<string | undefined>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly group: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Archive {
    return new Archive(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Archive {
    return isOfType(value, "host:index:Archive");
  }
  constructor(name: string, args: ArchiveArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:Archive", ["path", "sha256", "url", "owner", "group"], name, args, options);
  }
}

export interface GitCheckoutArgs extends OnMachine {
  /** Absolute path of the folder. Another one replaces. */
  path: pulumi.Input<string>;
  /** Where it is cloned from; without a password in it. */
  repository: pulumi.Input<string>;
  /** Branch, tag or commit; a commit pins it. Default: HEAD of the repository. */
  revision?: pulumi.Input<string>;
  /** So many commits of history. Default: all. */
  depth?: pulumi.Input<number>;
  /** Default false. */
  submodules?: pulumi.Input<boolean>;
  /** Throw away changes of tracked files. Default false: they are a failure. */
  force?: pulumi.Input<boolean>;
  /** For `ssh` addresses; on the machine only while git runs. Always kept as a secret. */
  privateKey?: pulumi.Input<string>;
  /** For `https` addresses. Always kept as a secret. */
  token?: pulumi.Input<string>;
  /** Lines of known_hosts for `ssh` addresses. */
  hostKey?: pulumi.Input<string>;
  /** Whom all of it belongs to. */
  owner?: pulumi.Input<string>;
  /** Any values; when one changes, it is fetched again. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
}

/** A working copy of a git repository at a revision. */
export class GitCheckout extends HostResource {
  declare readonly path: pulumi.Output<string>;
  declare readonly repository: pulumi.Output<string>;
  /** As the inputs say it; a commit where something else is checked out. */
  declare readonly revision: pulumi.Output<string | undefined>;
  /** What is checked out. */
  declare readonly commit: pulumi.Output<string>;
  /** Somebody changed tracked files there. */
  declare readonly changed: pulumi.Output<boolean>;

  /** One that somebody else manages; `id` is the path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): GitCheckout {
    return new GitCheckout(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is GitCheckout {
    return isOfType(value, "host:index:GitCheckout");
  }
  constructor(name: string, args: GitCheckoutArgs, options?: pulumi.CustomResourceOptions) {
    const { privateKey, token } = args ?? {};
    if (privateKey !== undefined) args = { ...args, privateKey: pulumi.secret(privateKey) };
    if (token !== undefined) args = { ...args, token: pulumi.secret(token) };
    super(
      "host:index:GitCheckout",
      ["path", "repository", "revision", "commit", "changed"],
      name,
      args,
      options,
    );
  }
}

export interface LineInFileArgs extends OnMachine {
  /** Absolute path. Another one replaces. */
  path: pulumi.Input<string>;
  /** The line. */
  line: pulumi.Input<string>;
  /** The line that it takes the place of: the last one that this regular expression fits. Default: an equal one. */
  match?: pulumi.Input<string>;
  /** A new line comes after the last one that this fits. Default: at the end. */
  after?: pulumi.Input<string>;
  /** A new line comes before the first one that this fits. */
  before?: pulumi.Input<string>;
  /** True: no line may fit `match` (or equal `line`). */
  absent?: pulumi.Input<boolean>;
  /** Make the file where there is none. Default false. */
  create?: pulumi.Input<boolean>;
  /** A command that must accept the new file (%s) first, such as `visudo -cf %s`. */
  validate?: pulumi.Input<string>;
  /** Keep what is replaced as `<path>.<time>.bak`. Default false. */
  backup?: pulumi.Input<boolean>;
  /** When it is deleted, put back the line that it took the place of. Default true. */
  restore?: pulumi.Input<boolean>;
}

/** A line of a file that somebody else brought. Deleted, the line that it took the place of comes back. */
export class LineInFile extends HostResource {
  declare readonly path: pulumi.Output<string>;
  /** As it is there. */
  declare readonly line: pulumi.Output<string>;
  declare readonly present: pulumi.Output<boolean>;
  /** The line that it took the place of. */
  declare readonly replaced: pulumi.Output<string | undefined>;

  static override isInstance(value: unknown): value is LineInFile {
    return isOfType(value, "host:index:LineInFile");
  }
  constructor(name: string, args: LineInFileArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:LineInFile", ["path", "line", "present", "replaced"], name, args, options);
  }
}
