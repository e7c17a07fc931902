import * as pulumi from "@pulumi/pulumi";
import { Password, Pet, RandomString } from "./random";
import { getPublicKeyOutput, PrivateKey, SelfSignedCert } from "./tls";

const config = new pulumi.Config();

const pet = new Pet("host", { length: 2, prefix: config.get("prefix") ?? "lab" });
const password = new Password("admin", { length: 20, special: false });
const key = new PrivateKey("key", { algorithm: "ED25519" });

// random → tls: the certificate is made out to the pet's name.
const certificate = new SelfSignedCert("certificate", {
  allowedUses: ["digital_signature", "server_auth"],
  privateKeyPem: key.privateKeyPem,
  validityPeriodHours: 24,
  earlyRenewalHours: config.getNumber("renewHours") ?? 1,
  subjects: [{ commonName: pulumi.interpolate`${pet.id}.example` }],
});

// tls → random: another key means another serial.
const serial = new RandomString("serial", {
  length: config.getNumber("serialLength") ?? 8,
  special: false,
  keepers: { key: key.publicKeyFingerprintSha256 },
});

export const name = pet.id;
export const fingerprint = key.publicKeyFingerprintSha256;
export const asked = pulumi.unsecret(
  getPublicKeyOutput({ privateKeyPem: key.privateKeyPem }).publicKeyFingerprintSha256,
);
export const certPem = certificate.certPem;
export const serialNumber = serial.result;
export const adminPassword = password.result;
export const privateKey = key.privateKeyPem;
