import { createCrypter, newDataKey, openText, sealText } from "@orch/core/state/crypter";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const dataKey = Buffer.alloc(32, 7);
const crypter = createCrypter(dataKey);

describe("encryption", () => {
  test("any text comes back, and no two ciphertexts are the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const [one, other] = [crypter.encrypt(text), crypter.encrypt(text)];
        expect(one).not.toBe(other);
        expect(one).toMatch(/^v1:[A-Za-z0-9+/=]{16}:[A-Za-z0-9+/]+=*$/);
        // A lone surrogate has no UTF-8; everything else is kept.
        expect(crypter.decrypt(one)).toBe(Buffer.from(text).toString());
      }),
    );
  });

  test("any changed character is refused", () => {
    const sealed = crypter.encrypt("hunter2");
    for (let i = 0; i < sealed.length; i++) {
      for (const character of ["A", "z", "=", ":", " "]) {
        const changed = sealed.slice(0, i) + character + sealed.slice(i + 1);
        if (changed === sealed) continue;
        expect(() => crypter.decrypt(changed), changed).toThrow(
          expect.objectContaining({ failure: expect.objectContaining({ reason: "secret-unreadable" }) }),
        );
      }
    }
    for (const text of [
      "",
      "v1",
      "v1::",
      "v2:AAAA:AAAA",
      sealed.slice(0, -4),
      `${sealed}AAAA`,
      `${sealed}\n`,
    ]) {
      expect(() => crypter.decrypt(text), text).toThrow(/can't be decrypted/);
    }
  });

  test("so are bits that base64 does not count: one ciphertext has one text", () => {
    // 7 + 16 bytes: the last character before the padding carries two spare bits.
    const sealed = crypter.encrypt("hunter2");
    expect(sealed.endsWith("=")).toBe(true);
    const accepted = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].filter(
      (last) => {
        try {
          return crypter.decrypt(`${sealed.slice(0, -2)}${last}=`) === "hunter2";
        } catch {
          return false;
        }
      },
    );
    expect(accepted).toEqual([sealed.at(-2)]);
  });

  test("another key, and the data key itself, do not open it", () => {
    const sealed = crypter.encrypt("hunter2");
    expect(() => createCrypter(newDataKey()).decrypt(sealed)).toThrow(/another key/);
    expect(openText(dataKey, sealed)).toBeUndefined();
  });

  test("failures do not hold the text", () => {
    const sealed = sealText(Buffer.alloc(32, 9), "hunter2");
    expect(() => crypter.decrypt(sealed)).toThrow(expect.not.stringContaining(sealed));
  });

  test("is what an independent implementation wrote (Python cryptography 48)", () => {
    // AES-256-GCM under HKDF-SHA-256(key = 32 × 0x07, no salt, info "orch secrets v1"), nonce 00 01 … 0b.
    expect(crypter.decrypt("v1:AAECAwQFBgcICQoL:UTd6lj+StMMWWbvZ0pKEqIeJqRTrd+q0cVSv")).toBe("hunter2 ☃");
  });
});

describe("fingerprints", () => {
  test("are equal for equal text, and depend on the key", () => {
    expect(crypter.fingerprint("hunter2 ☃")).toBe(createCrypter(dataKey).fingerprint("hunter2 ☃"));
    expect(crypter.fingerprint("hunter2 ☃")).not.toBe(crypter.fingerprint("hunter2"));
    expect(crypter.fingerprint("x")).not.toBe(createCrypter(newDataKey()).fingerprint("x"));
  });
  test("are what an independent implementation computed (Python)", () => {
    // HMAC-SHA-256 under HKDF-SHA-256(…, info "orch fingerprints v1").
    expect(crypter.fingerprint("hunter2 ☃")).toBe(
      "4e2f7132557daa201668e979a7b44445c88357be3470052c9b33f82b6354d044",
    );
  });
});
