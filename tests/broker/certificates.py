"""Certificates of authorities that nobody knows but the test, by the openssl command."""
import subprocess
import time


DAYS = 2


def _utc(seconds):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


class Authority:
    """Makes certificates in PEM; what it signs is good for some addresses."""

    def __init__(self, directory):
        self._directory = directory
        directory.mkdir(parents=True)
        self.certificate = self._self_signed("ca")

    def _self_signed(self, name):
        certificate = self._directory / f"{name}.pem"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(DAYS), "-subj",
                      f"/CN={name}", "-keyout", self._directory / f"{name}.key", "-out", certificate)
        return certificate

    def issue(self, name, addresses=("127.0.0.1",), life_s=DAYS * 86_400):
        """Paths of a certificate, which is of these IP addresses and good from now on for `life_s`,
        and of its key."""
        key, asked = self._directory / f"{name}.key", self._directory / f"{name}.csr"
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                      "-out", asked)
        extensions = self._directory / "extensions"
        extensions.write_text(f"subjectAltName={','.join(f'IP:{one}' for one in addresses)}\n")
        certificate = self._directory / f"{name}.pem"
        now = time.time()
        self._openssl("ca", "-batch", "-notext", "-config", self._settings(), "-rand_serial",
                      "-in", asked, "-cert", self.certificate, "-keyfile",
                      self._directory / "ca.key", "-startdate", _utc(now), "-enddate",
                      _utc(now + life_s), "-extfile", extensions, "-out", certificate)
        return certificate, key

    def _settings(self):
        """What `openssl ca`, which alone sets ends to the second, has to be told."""
        settings = self._directory / "settings"
        settings.write_text("[ca]\ndefault_ca=own\n[own]\n"
                            f"database={self._directory / 'index'}\n"
                            f"serial={self._directory / 'serial'}\n"
                            f"new_certs_dir={self._directory}\n"
                            "default_md=sha256\npolicy=any\nunique_subject=no\n"
                            "[any]\ncommonName=supplied\n")
        (self._directory / "index").touch()
        return settings

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
