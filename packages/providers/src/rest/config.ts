/** The provider's configuration: which API, how to log in, and the kinds of objects it has. */
import { z } from "zod";
import { authSchema, tlsSchema } from "../direct/http/auth.js";
import { definitionSchema, kindName } from "./definition.js";

export const restConfig = z.strictObject({
  url: z.url("an address such as https://api.example.com/v1").describe("Paths are put behind it."),
  auth: authSchema.optional(),
  tls: tlsSchema.optional(),
  headers: z.record(z.string(), z.string()).optional().describe("Headers of every request."),
  concurrency: z
    .int()
    .min(1)
    .optional()
    .describe("Requests at the same time. Default 16; less while the service throttles."),
  timeoutSeconds: z.number().min(0.1).optional().describe("Seconds that one request may take. Default 30."),
  resources: z.record(kindName, definitionSchema).default({}).describe("The kinds of objects, by name."),
});
export type RestConfig = z.output<typeof restConfig>;
