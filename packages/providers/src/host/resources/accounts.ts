/** Users, groups and the keys that open their logins. */
import * as pulumi from "@pulumi/pulumi";
import { isOfType } from "../../direct/program.js";
import { HostResource, type Overwriting } from "./shared.js";

export interface UserArgs extends Overwriting {
  /** Login name. Another one replaces. */
  name: pulumi.Input<string>;
  /** Number. Default: the next free one. */
  uid?: pulumi.Input<number>;
  /** Primary group, by name or number; must exist. Default: one of the user's own name. */
  group?: pulumi.Input<string>;
  /** All other groups: the user is taken out of those not named. Default: left as they are. */
  groups?: pulumi.Input<pulumi.Input<string>[]>;
  /** Full name. */
  comment?: pulumi.Input<string>;
  /** Home folder. When it changes, what is in it moves along. */
  home?: pulumi.Input<string>;
  /** Login shell. Default: the system's. */
  shell?: pulumi.Input<string>;
  /** A system account: a low number, no home folder. Only looked at when it is made. */
  system?: pulumi.Input<boolean>;
  /** Default true, for system accounts false. */
  createHome?: pulumi.Input<boolean>;
  /** The hash as `mkpasswd` prints it, or `!` to lock the password. Always kept as a secret. */
  passwordHash?: pulumi.Input<string>;
  /** Delete the home folder when the user is deleted. Default false. */
  removeHome?: pulumi.Input<boolean>;
}

/** A user of a machine. One that is there already and is as wanted is taken over. Deleting it keeps the home folder unless `removeHome`. */
export class User extends HostResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly uid: pulumi.Output<number>;
  /** Number of the primary group. */
  declare readonly gid: pulumi.Output<number>;
  /** Name of the primary group. */
  declare readonly group: pulumi.Output<string>;
  /** The other groups, sorted. */
  declare readonly groups: pulumi.Output<string[]>;
  declare readonly comment: pulumi.Output<string>;
  declare readonly home: pulumi.Output<string>;
  declare readonly shell: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): User {
    return new User(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is User {
    return isOfType(value, "host:index:User");
  }
  constructor(name: string, args: UserArgs, options?: pulumi.CustomResourceOptions) {
    const { passwordHash } = args ?? {};
    if (passwordHash !== undefined) args = { ...args, passwordHash: pulumi.secret(passwordHash) };
    super(
      "host:index:User",
      ["name", "uid", "gid", "group", "groups", "comment", "home", "shell"],
      name,
      args,
      options,
    );
  }
}

export interface GroupArgs extends Overwriting {
  /** Another one replaces. */
  name: pulumi.Input<string>;
  /** Number. Default: the next free one. */
  gid?: pulumi.Input<number>;
  /** All who have it as a further group. Default: left alone. */
  members?: pulumi.Input<pulumi.Input<string>[]>;
  /** A low number. Only looked at when it is made. */
  system?: pulumi.Input<boolean>;
}

/** A group of a machine. */
export class Group extends HostResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly gid: pulumi.Output<number>;
  /** Sorted. */
  declare readonly members: pulumi.Output<string[]>;

  /** One that somebody else manages; `id` is the name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Group {
    return new Group(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Group {
    return isOfType(value, "host:index:Group");
  }
  constructor(name: string, args: GroupArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:Group", ["name", "gid", "members"], name, args, options);
  }
}

export interface AuthorizedKeyArgs extends Overwriting {
  /** Whose login it opens. Another one replaces. */
  user: pulumi.Input<string>;
  /** The public key in one line, as in a `.pub` file. */
  key: pulumi.Input<string>;
  /** What it may do, such as `restrict,command="/usr/bin/backup"`. Default: everything. */
  options?: pulumi.Input<string>;
}

/** A public key that opens a user's login over SSH: one line of `~/.ssh/authorized_keys`. The others are left alone. */
export class AuthorizedKey extends HostResource {
  declare readonly user: pulumi.Output<string>;
  declare readonly key: pulumi.Output<string>;
  /** The file that it is in. */
  declare readonly path: pulumi.Output<string>;

  /** One that somebody else manages; `id` is the user, a space, and the key without its comment. */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    options?: pulumi.CustomResourceOptions,
  ): AuthorizedKey {
    return new AuthorizedKey(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is AuthorizedKey {
    return isOfType(value, "host:index:AuthorizedKey");
  }
  constructor(name: string, args: AuthorizedKeyArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:AuthorizedKey", ["user", "key", "path"], name, args, options);
  }
}

export interface AuthorizedKeysArgs extends Overwriting {
  /** Whose login they open. Another one replaces. */
  user: pulumi.Input<string>;
  /** All public keys that open the login, as in `.pub` files. Every other one in the file is taken out. */
  keys: pulumi.Input<
    pulumi.Input<
      | string
      | {
          /** The public key, as in a `.pub` file. */
          key: pulumi.Input<string>;
          /** What it may do, such as `restrict,command="/usr/bin/backup"`. Default: everything. */
          options?: pulumi.Input<string>;
        }
    >[]
  >;
  /**
   * Where orch itself logs in as that user: seconds within which a new login must work with the new keys; else the machine takes the former ones
   * again by itself. Default 20; 0: orch may lock itself out.
   */
  guard?: pulumi.Input<number>;
}

/** All public keys that open a user's login over SSH: those that are not listed are taken out. When it is deleted, the keys stay. */
export class AuthorizedKeys extends HostResource {
  declare readonly user: pulumi.Output<string>;
  /** The file that they are in. */
  declare readonly path: pulumi.Output<string>;

  /** Those that somebody else manages; `id` is the user. */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    options?: pulumi.CustomResourceOptions,
  ): AuthorizedKeys {
    return new AuthorizedKeys(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is AuthorizedKeys {
    return isOfType(value, "host:index:AuthorizedKeys");
  }
  constructor(name: string, args: AuthorizedKeysArgs, options?: pulumi.CustomResourceOptions) {
    super("host:index:AuthorizedKeys", ["user", "path"], name, args, options);
  }
}
