/** Users, groups, organizational units and computers: their properties and the attributes behind them. */
import { z } from "zod";
import { text } from "../ldap/directory.js";
import { dnText } from "../ldap/settings.js";
import { defineObject } from "./object.js";
import {
  control,
  expiryText,
  expiryValue,
  type GroupScope,
  groupTypeOf,
  groupTypeValue,
  never,
} from "./values.js";

const words = (description: string) => z.string().min(1).optional().describe(description);
const accountName = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(
      /^[^"/\\[\]:;|=,+*?<>@\0-\x1f]*[^"/\\[\]:;|=,+*?<>@\0-\x1f.]$/,
      'a name without "/\\[]:;|=,+*?<>@ and without a dot at its end',
    );
const enabled = z.boolean().default(true).describe("May it log in? Default true.");
const flags =
  (fixed: number) =>
  ({ enabled, passwordNeverExpires }: { enabled: boolean; passwordNeverExpires?: boolean }): number =>
    fixed | (enabled ? 0 : control.disabled) | (passwordNeverExpires ? control.passwordNeverExpires : 0);
const bitsOf = (entry: Parameters<typeof text>[0]): number => Number(text(entry, "userAccountControl") ?? 0);

export const user = defineObject({
  type: "activedirectory:index:User",
  description: "A user of the domain.",
  objectClasses: ["top", "person", "organizationalPerson", "user"],
  filter: "(&(objectCategory=person)(objectClass=user))",
  rdn: "CN",
  shape: {
    sAMAccountName: accountName(20).describe("The name to log in with (at most 20 characters)."),
    userPrincipalName: z
      .string()
      .regex(/^[^@\s]+@[^@\s]+$/, "a name such as ann@example.com")
      .optional()
      .describe("The name to log in with in the form of a mail address."),
    givenName: words("First name."),
    surname: words("Last name."),
    displayName: words("The name that is shown."),
    mail: words("Mail address."),
    description: words("What it is for."),
    title: words("Position."),
    department: words("Department."),
    company: words("Company."),
    telephoneNumber: words("Telephone number."),
    manager: dnText.optional().describe("Distinguished name of the user's manager."),
    enabled,
    passwordNeverExpires: z.boolean().default(false).describe("Default false: the domain's policy decides."),
    password: z
      .string()
      .min(1)
      .meta({ secret: true })
      .optional()
      .describe(
        "Set when the user is made and when it changes here; never read back, so that the user may change it. Needs TLS. Always kept as a secret.",
      ),
    changePasswordAtLogon: z
      .boolean()
      .default(false)
      .describe("Whenever `password` is set here, the user must change it at the next logon. Default false."),
    accountExpires: z.iso
      .datetime({ offset: true, error: "a time such as 2027-01-31T00:00:00Z" })
      .optional()
      .describe("When the account ends. Default: never."),
  },
  texts: {
    sAMAccountName: "sAMAccountName",
    userPrincipalName: "userPrincipalName",
    givenName: "givenName",
    surname: "sn",
    displayName: "displayName",
    mail: "mail",
    description: "description",
    title: "title",
    department: "department",
    company: "company",
    telephoneNumber: "telephoneNumber",
    manager: "manager",
  },
  hidden: ["password", "changePasswordAtLogon"],
  needsPassword: true,
  others: {
    attributes: ["accountExpires"],
    write: ({ accountExpires }: { accountExpires?: string }) =>
      accountExpires === undefined ? {} : { accountExpires: expiryValue(accountExpires) },
    unset: { accountExpires: never },
    read(entry, given: { accountExpires?: string }) {
      const value = text(entry, "accountExpires");
      const { accountExpires } = given;
      const same = accountExpires !== undefined && expiryValue(accountExpires) === value;
      const bits = bitsOf(entry);
      return {
        // The form that the program chose for the same time.
        accountExpires: same ? accountExpires : expiryText(value),
        enabled: (bits & control.disabled) === 0,
        passwordNeverExpires: (bits & control.passwordNeverExpires) !== 0,
      };
    },
  },
  control: {
    mask: control.disabled | control.passwordNeverExpires,
    fixed: control.normalAccount,
    wanted: flags(0),
  },
});

export const group = defineObject({
  type: "activedirectory:index:Group",
  description: "A group of the domain. Its members are resources of their own.",
  objectClasses: ["top", "group"],
  filter: "(objectClass=group)",
  rdn: "CN",
  shape: {
    sAMAccountName: accountName(256).describe("Its name before Windows 2000; unique in the domain."),
    scope: z
      .enum(["global", "domainLocal", "universal"])
      .default("global")
      .describe("Where it may be used and who may be in it. Default global."),
    category: z
      .enum(["security", "distribution"])
      .default("security")
      .describe("For permissions, or for mail only. Default security."),
    description: words("What it is for."),
    mail: words("Mail address."),
    managedBy: dnText.optional().describe("Distinguished name of who looks after it."),
  },
  texts: {
    sAMAccountName: "sAMAccountName",
    description: "description",
    mail: "mail",
    managedBy: "managedBy",
  },
  others: {
    attributes: ["groupType"],
    write: ({ scope, category }: { scope: GroupScope; category: "security" | "distribution" }) => ({
      groupType: groupTypeValue(scope, category),
    }),
    read: (entry) => groupTypeOf(text(entry, "groupType") ?? "0"),
  },
  // Only from and to universal, MS-ADTS 3.1.1.5.3.2.
  between(attribute, from, to) {
    if (attribute !== "groupType") return undefined;
    const [before, after] = [groupTypeOf(from), groupTypeOf(to)];
    const direct =
      before.scope === after.scope || before.scope === "universal" || after.scope === "universal";
    return direct ? undefined : groupTypeValue("universal", before.category);
  },
});

export const organizationalUnit = defineObject({
  type: "activedirectory:index:OrganizationalUnit",
  description: "An organizational unit. Deleting one with anything in it fails and names what is in it.",
  objectClasses: ["top", "organizationalUnit"],
  filter: "(objectClass=organizationalUnit)",
  rdn: "OU",
  shape: {
    description: words("What it is for."),
    managedBy: dnText.optional().describe("Distinguished name of who looks after it."),
  },
  texts: { description: "description", managedBy: "managedBy" },
});

export const computer = defineObject({
  type: "activedirectory:index:Computer",
  description: "A computer's account, made before the computer joins.",
  objectClasses: ["top", "person", "organizationalPerson", "user", "computer"],
  filter: "(objectClass=computer)",
  rdn: "CN",
  shape: {
    sAMAccountName: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,15}\$$/, "a name of at most 15 letters, digits and -, and a $ at its end")
      .describe("The computer's name and a $, such as WEB1$."),
    dNSHostName: words("The computer's full name in DNS."),
    description: words("What it is for."),
    location: words("Where it stands."),
    managedBy: dnText.optional().describe("Distinguished name of who looks after it."),
    enabled,
    password: z
      .string()
      .min(1)
      .meta({ secret: true })
      .optional()
      .describe(
        "The account's first password, for a join without an administrator; never read back, as the computer changes it. Needs TLS. Always kept as a secret.",
      ),
  },
  texts: {
    sAMAccountName: "sAMAccountName",
    dNSHostName: "dNSHostName",
    description: "description",
    location: "location",
    managedBy: "managedBy",
  },
  hidden: ["password"],
  others: {
    attributes: [],
    write: () => ({}),
    read: (entry) => ({ enabled: (bitsOf(entry) & control.disabled) === 0 }),
  },
  control: { mask: control.disabled, fixed: control.workstation, wanted: flags(0) },
});
