/** One person in all systems. */
import { createHmac } from "node:crypto";
import { join } from "node:path";
import * as ad from "@orch/providers/activedirectory";
import * as host from "@orch/providers/host";
import * as postgres from "@orch/providers/postgres";
import * as scim from "@orch/providers/scim";
import * as pulumi from "@pulumi/pulumi";
import { Asset } from "./assets.js";
import { addDays, type Person } from "./lifecycle.js";
import type { Policy } from "./policy.js";
import { of, type Systems } from "./systems.js";

export interface EmployeeArgs {
  readonly person: Person;
  readonly policy: Policy;
  readonly systems: Systems;
  /** First passwords are made from it. */
  readonly passwordSeed: pulumi.Output<string>;
  /** The manager's account. */
  readonly manager?: ad.User | undefined;
  /** Refuse that what a person uses is deleted while the person is here. */
  readonly protect: boolean;
}

/**
 * The inputs of the component say what the person is; a plan shows their change above what follows from it: `because: "seller since …" → "left on …"`.
 */
export class Employee extends pulumi.ComponentResource {
  /** The account of the domain; absent when it is not kept any more. */
  readonly account?: ad.User;
  /** What to log in with for the first time. Secret. */
  readonly firstPassword: pulumi.Output<string>;

  constructor(args: EmployeeArgs) {
    const { person, policy, systems, manager } = args;
    const { record, has } = person;
    const { login } = record;
    super("onboarding:index:Employee", login, {
      because: person.because,
      role: record.role,
      department: person.department,
      ...(person.phase === "left" ? { keptUntil: person.keptUntil } : {}),
    });
    // After the last day nothing is protected: what the policy keeps is still in the program until its day.
    const own = { parent: this, protect: args.protect && person.phase !== "left" };
    const shared = { parent: this };
    this.firstPassword = passwordOf(args.passwordSeed, "logon", person);
    const uid = String(200_000 + Number(record.employeeNumber));

    if (has.account) {
      const account = new ad.User(
        `${login}-account`,
        {
          name: `${record.givenName} ${record.surname}`,
          ou: of(systems.units, person.unit).dn,
          sAMAccountName: login,
          userPrincipalName: person.mail,
          givenName: record.givenName,
          surname: record.surname,
          displayName: `${record.givenName} ${record.surname}`,
          mail: person.mail,
          title: person.title,
          department: person.department,
          company: policy.company,
          description: person.because,
          ...(manager ? { manager: manager.dn } : {}),
          enabled: person.enabled,
          ...(record.lastDay ? { accountExpires: `${addDays(record.lastDay, 1)}T00:00:00Z` } : {}),
          password: this.firstPassword,
          changePasswordAtLogon: true,
          attributes: { employeeNumber: record.employeeNumber, uidNumber: uid, l: record.location },
        },
        { ...own, provider: systems.domain },
      );
      this.account = account;
      for (const name of person.groups)
        new ad.Membership(
          `${login}-in-${name}`,
          { group: of(systems.groups, name).id, member: account.id },
          { ...shared, provider: systems.domain },
        );
    }

    for (const item of person.equipment) {
      const { kind, tag, model, status, note } = item;
      const { employeeNumber: holder } = record;
      new Asset(
        `${login}-${kind}`,
        { tag, kind, model, holder, status, note },
        { ...shared, provider: systems.inventory },
      );
      if (kind === "laptop")
        new ad.Computer(
          `${login}-computer`,
          {
            name: tag,
            ou: systems.computers.dn,
            sAMAccountName: `${tag}$`,
            description: `${record.givenName} ${record.surname}`,
            location: record.location,
            enabled: status === "assigned" || person.phase === "leaving",
          },
          { ...shared, provider: systems.domain },
        );
    }

    if (has.mailbox) {
      const member = new scim.User(
        `${login}-mailbox`,
        {
          userName: person.mail,
          externalId: record.employeeNumber,
          active: person.enabled,
          displayName: `${record.givenName} ${record.surname}`,
          title: person.title,
          name: { givenName: record.givenName, familyName: record.surname },
          emails: [{ value: person.mail, type: "work", primary: true }],
          entitlements: person.licences.map((value) => ({ value })),
          enterprise: { employeeNumber: record.employeeNumber, department: person.department },
        },
        // Whoever can't log in to the domain any more has no session here either: first there, then here.
        { ...own, provider: systems.suite, ...(this.account ? { dependsOn: this.account } : {}) },
      );
      for (const name of person.applications)
        new scim.GroupMember(
          `${login}-uses-${name}`,
          { groupId: of(systems.applications, name).id, memberId: member.id, type: "User" },
          { ...shared, provider: systems.suite },
        );
    }

    if (has.database)
      new postgres.Role(
        `${login}-database`,
        {
          name: login,
          login: person.enabled,
          password: passwordOf(args.passwordSeed, "database", person),
          memberOf: person.databaseRoles.map((name) => of(systems.databaseRoles, name).name),
        },
        { ...shared, provider: systems.database },
      );

    this.files(args, own, uid);
    this.registerOutputs({});
  }

  /** Home folder, welcome, and the archive of a leaver. */
  private files(
    { person, policy, systems }: EmployeeArgs,
    own: pulumi.CustomResourceOptions,
    uid: string,
  ): void {
    const { record, has } = person;
    const { login } = record;
    const on = { provider: systems.files };
    const left = person.phase === "left";
    const home =
      has.home &&
      new host.Directory(
        `${login}-home`,
        { path: `${systems.homes}/${login}`, owner: uid, mode: "0700" },
        // Of a leaver it is not deleted by leaving the program, but by a script that looks at the archive first.
        { ...own, ...on, retainOnDelete: left },
      );
    if (home && record.rehired !== undefined && !left)
      new host.Command(
        `${login}-restored`,
        {
          environment: {
            HOMES: systems.homes,
            ARCHIVES: systems.archives,
            LOGIN: login,
            ID: record.employeeNumber,
          },
          create: RESTORE,
          triggers: [record.rehired],
        },
        { parent: this, ...on, dependsOn: home },
      );
    if (!left)
      new host.File(
        `${login}-welcome`,
        {
          path: pulumi.interpolate`${systems.welcomes}/${login}.txt`,
          template: new pulumi.asset.FileAsset(join(import.meta.dirname, "welcome.liquid")),
          variables: {
            name: record.givenName,
            company: policy.company,
            title: person.title,
            department: person.department,
            start: person.since,
            mail: person.mail,
            groups: [...person.groups],
            applications: [...person.applications],
            licences: [...person.licences],
            equipment: person.equipment
              .filter(({ entitled }) => entitled)
              .map(({ kind, model, tag }) => ({ kind, model, tag })),
            database: [...person.databaseRoles],
          },
        },
        { parent: this, ...on },
      );
    const archive = pulumi.interpolate`${systems.archives}/${login}-${record.employeeNumber}-${record.lastDay}.tar.gz`;
    if (!has.archive) return;
    const environment = { HOMES: systems.homes, LOGIN: login, ARCHIVE: archive };
    const archived = new host.Command(
      `${login}-archive`,
      { environment, create: ARCHIVE, read: 'sha256sum "$ARCHIVE"' },
      // Nobody writes into the folder any more once the account is disabled.
      { parent: this, ...on, ...(this.account ? { dependsOn: this.account } : {}) },
    );
    if (!has.home)
      new host.Command(
        `${login}-home-removed`,
        { environment, create: REMOVE },
        { parent: this, ...on, dependsOn: archived },
      );
  }
}

/** Packs, looks whether it can be unpacked, and only then puts it in its place. */
const ARCHIVE = `set -eu
umask 077
if [ ! -d "$HOMES/$LOGIN" ]; then
  echo "there is no $HOMES/$LOGIN to make an archive of" >&2
  exit 1
fi
tar -C "$HOMES" -czf "$ARCHIVE.part" "$LOGIN"
gzip -t "$ARCHIVE.part"
tar -tzf "$ARCHIVE.part" >/dev/null
mv "$ARCHIVE.part" "$ARCHIVE"
sha256sum "$ARCHIVE"
`;

/**
 * Only when every file is in the archive as it is in the folder (tar -d). Moved aside first: cut off in the middle it can be run again. What was
 * added since the archive was made would not be noticed, so nobody may: the account is disabled.
 */
const REMOVE = `set -eu
aside="$HOMES/.removed-$LOGIN"
if [ -d "$HOMES/$LOGIN" ]; then
  tar -C "$HOMES" -dzf "$ARCHIVE"
  rm -rf -- "$aside"
  mv "$HOMES/$LOGIN" "$aside"
fi
rm -rf -- "$aside"
`;

/** What the newest archive has and the folder has not. Without an archive there is nothing to do: the folder is still there. */
const RESTORE = `set -eu
newest=$(ls -1 "$ARCHIVES/$LOGIN-$ID"-*.tar.gz 2>/dev/null | sort | tail -n 1)
if [ -n "$newest" ]; then
  tar -C "$HOMES" --skip-old-files -xzf "$newest" "$LOGIN"
  echo "restored from $newest"
fi
`;

/**
 * A password that follows from the seed, what it is for, who and since when: nobody has to keep it, and somebody who comes back gets another one.
 * 20 characters, of every class that Active Directory's complexity asks for.
 */
function passwordOf(seed: pulumi.Output<string>, purpose: string, person: Person): pulumi.Output<string> {
  const { employeeNumber } = person.record;
  return seed.apply((key) => {
    const digest = createHmac("sha256", key).update(`${purpose}|${employeeNumber}|${person.since}`).digest();
    return `${digest.toString("base64url").slice(0, 17)}aA1`;
  });
}
