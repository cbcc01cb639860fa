/** Passkeys by the browser's own WebAuthn; what it refuses becomes an ApiError like any other. */
import { ApiError } from "./http.js";

const REFUSED =
  "The browser gave no passkey: it was cancelled, took too long, or this device has none for us.";

async function asked(ask) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    throw new ApiError({ message: "This browser knows no passkeys. Use another way." });
  }
  try {
    return (await ask()).toJSON();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new ApiError({ message: REFUSED });
  }
}

export const create = ({ publicKey }) =>
  asked(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
    }),
  );

export const read = ({ publicKey }) =>
  asked(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
    }),
  );
