/** The provider's configuration: which service, how to log in, and where it strays from the standard. */
import { z } from "zod";
import { authSchema, tlsSchema } from "../direct/http/auth.js";

export const scimConfig = z.strictObject({
  url: z
    .url("an address such as https://api.example.com/scim/v2")
    .describe("The base of the service's endpoints; /Users and /Groups are put behind it."),
  auth: authSchema.optional(),
  tls: tlsSchema.optional(),
  concurrency: z
    .int()
    .min(1)
    .optional()
    .describe("Requests at the same time. Default 16; less while the service throttles."),
  pageSize: z.int().min(1).default(100).describe("Resources per page of a list. Default 100."),
  contentType: z
    .enum(["application/scim+json", "application/json"])
    .default("application/scim+json")
    .describe("What requests are called. Default application/scim+json, as RFC 7644 has it."),
  patch: z
    .boolean()
    .optional()
    .describe(
      "Whether it takes PATCH; otherwise resources are replaced by PUT. Default: as its ServiceProviderConfig says.",
    ),
  filter: z
    .boolean()
    .optional()
    .describe("Whether it filters lists. Default: as its ServiceProviderConfig says."),
  etag: z
    .boolean()
    .optional()
    .describe("Whether it heeds If-Match. Default: as its ServiceProviderConfig says."),
  memberRemoval: z
    .enum(["filter", "value"])
    .default("filter")
    .describe(
      'How a member is removed: `members[value eq "…"]` as RFC 7644 has it, or `value` beside the path. Default filter.',
    ),
  notReturned: z
    .array(z.string())
    .default([])
    .describe(
      "Properties that the service takes and does not give back: they show no drift. Passwords never do.",
    ),
});
export type ScimConfig = z.output<typeof scimConfig>;
