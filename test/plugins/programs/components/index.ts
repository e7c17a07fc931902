import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Site } from "./shop";

const config = new pulumi.Config();

const first = new aws.s3.Bucket("first", { tags: { owner: config.get("owner") ?? "ann" } });
const site = new Site("site", {
  owner: first.arn,
  password: config.requireSecret("password"),
  ...(config.get("bucket") ? { bucket: config.get("bucket") } : {}),
  ...(config.getBoolean("broken") ? { broken: true } : {}),
});
new aws.s3.Bucket("after", { tags: { url: site.url } });

export const url = site.url;
export const title = site.title;
export const password = site.password;
export const described = site.describe("Hello");
