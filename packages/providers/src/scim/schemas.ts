/** Users and groups as RFC 7643 has them, in the shape that programs give them. */
import { z } from "zod";

export const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
export const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const text = (about: string) => z.string().optional().describe(about);
const list = (about: string) =>
  z
    .array(
      z.strictObject({
        value: z.string().min(1).describe("The value itself."),
        type: text("What it is for: `work`, `home`, or a word of the service's."),
        display: text("For people."),
        primary: z.boolean().optional().describe("The preferred one; at most one is."),
      }),
    )
    .refine((items) => items.filter(({ primary }) => primary).length <= 1, "a list with one primary at most")
    .optional()
    .describe(about);

const extensions = z
  .record(z.string().regex(/^urn:/, "a schema's URN"), z.record(z.string(), z.unknown()))
  .optional()
  .describe("Attributes of other schemas, by the schema's URN.");

/** RFC 7643, 4.1 and 4.3. */
export const userAttributes = {
  userName: z.string().min(1).describe("What the user logs in with; unique within the service."),
  externalId: text(
    "The user's id in the system that the accounts come from. An account that exists is found by it.",
  ),
  active: z.boolean().default(true).describe("Whether the account may be used. Default true."),
  displayName: text("The name to show."),
  nickName: text("A casual name."),
  profileUrl: text("A page about the user."),
  title: text("`Vice President`."),
  userType: text("The relation to the organisation: `Employee`, `Contractor`."),
  preferredLanguage: text("As in `Accept-Language`: `en-GB`."),
  locale: text("For formats of numbers and dates: `en-GB`."),
  timezone: text("Of the IANA database: `Europe/Berlin`."),
  name: z
    .strictObject({
      formatted: text("The whole name."),
      familyName: text("The family name."),
      givenName: text("The given name."),
      middleName: text("Middle names."),
      honorificPrefix: text("`Ms.`"),
      honorificSuffix: text("`III`"),
    })
    .optional()
    .describe("The parts of the user's name."),
  emails: list("Mail addresses."),
  phoneNumbers: list("Phone numbers."),
  ims: list("Addresses for instant messages."),
  photos: list("Addresses of pictures."),
  addresses: z
    .array(
      z.strictObject({
        formatted: text("The whole address."),
        streetAddress: text("Street and number."),
        locality: text("City."),
        region: text("State or region."),
        postalCode: text("Postal code."),
        country: text("ISO 3166-1 alpha-2: `DE`."),
        type: text("`work`, `home`, `other`."),
        primary: z.boolean().optional().describe("The preferred one."),
      }),
    )
    .optional()
    .describe("Postal addresses."),
  entitlements: list(
    "What the user is entitled to: licences, features. Which values there are, the service says.",
  ),
  roles: list("Roles within the service."),
  x509Certificates: list("Certificates, as base64 of their DER form."),
  enterprise: z
    .strictObject({
      employeeNumber: text("Number within the organisation."),
      costCenter: text("Cost centre."),
      organization: text("Organisation."),
      division: text("Division."),
      department: text("Department."),
      manager: z
        .strictObject({ value: z.string().min(1).describe("The manager's id.") })
        .optional()
        .describe("The user's manager."),
    })
    .optional()
    .describe("The enterprise extension."),
  extensions,
};

/** RFC 7643, 4.2. */
export const groupAttributes = {
  displayName: z.string().min(1).describe("The group's name."),
  externalId: text("The group's id in the system that it comes from. A group that exists is found by it."),
  members: z
    .array(
      z.strictObject({
        value: z.string().min(1).describe("The member's id."),
        type: z.enum(["User", "Group"]).optional().describe("What the member is."),
      }),
    )
    .optional()
    .describe(
      "All members. Without it, members are none of this resource's business: give them with `GroupMember`.",
    ),
  extensions,
};
