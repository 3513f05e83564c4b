"""A key that signs JSON Web Tokens (RS256, by the openssl command), and its public half as a JWK set.

Threads: any; it doesn't change.
"""
import base64
import json
import subprocess

KEY_NAME = "test-key"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenSigner:
    def __init__(self, key_file):
        """Makes the file where there is none."""
        self._key = key_file
        key_file.parent.mkdir(parents=True, exist_ok=True)
        if not key_file.exists():
            self._openssl("genrsa", "-out", key_file, "2048")
        modulus = self._openssl("rsa", "-in", key_file, "-noout", "-modulus").decode()
        self.key_set = {"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_NAME,
            "n": base64url(bytes.fromhex(modulus.strip().split("=")[1])),
            "e": base64url((65537).to_bytes(3, "big"))}]}

    def sign(self, claims):
        parts = [{"alg": "RS256", "typ": "JWT", "kid": KEY_NAME}, claims]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = self._openssl("dgst", "-sha256", "-sign", self._key, text=signed.encode())
        return f"{signed}.{base64url(signature)}"

    @staticmethod
    def _openssl(*arguments, text=None):
        return subprocess.run(["openssl", *map(str, arguments)], input=text, check=True,
                              capture_output=True).stdout
