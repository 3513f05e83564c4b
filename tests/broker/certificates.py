"""Certificates of authorities that nobody knows but the test, by the openssl command."""
import subprocess


class Authority:
    """Makes certificates in PEM; what it signs is good for some addresses."""

    def __init__(self, directory):
        self._directory = directory
        directory.mkdir(parents=True)
        self.certificate = self._self_signed("ca")

    def _self_signed(self, name):
        certificate = self._directory / f"{name}.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                      f"/CN={name}", "-keyout", self._directory / f"{name}.key", "-out", certificate)
        return certificate

    def issue(self, name, addresses=("127.0.0.1",)):
        """Paths of a certificate and of its key; it is good for these IP addresses."""
        key, asked = self._directory / f"{name}.key", self._directory / f"{name}.csr"
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                      "-out", asked)
        extensions = self._directory / "extensions"
        extensions.write_text(f"subjectAltName={','.join(f'IP:{one}' for one in addresses)}\n")
        certificate = self._directory / f"{name}.pem"
        self._openssl("x509", "-req", "-in", asked, "-CA", self.certificate, "-CAkey",
                      self._directory / "ca.key", "-CAcreateserial", "-days", "2", "-extfile",
                      extensions, "-out", certificate)
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
