import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * What MSK does with a token, for a broker of the tests: signs the link in it again, by Java's own
 * HMAC, with the secret that is known for its access key, and takes it only if that is the same.
 *
 * <p>The keys are in the file that the system property turnout.msk.keys names, read at each token:
 * lines of access key id, secret, session token or "-", the second since 1970 at which they expire,
 * principal. What was taken or refused, and why, goes to standard output.
 */
public final class MskIamValidator implements AuthenticateCallbackHandler {
  private static final String REGION = System.getProperty("turnout.msk.region");
  private static final Path KEYS = Path.of(System.getProperty("turnout.msk.keys"));
  private static final long LIFE_MAX_S = 900;
  private static final long SKEW_MAX_S = 300;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  private record Key(String secret, String session, long expires, String principal) {}

  private static final class Refused extends Exception {
    Refused(String why) {
      super(why);
    }
  }

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {}

  @Override
  public void close() {}

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (!(callback instanceof OAuthBearerValidatorCallback asked)) {
        throw new UnsupportedCallbackException(callback);
      }
      try {
        asked.token(validate(asked.tokenValue()));
        System.out.println("MSK IAM: taken, of " + asked.token().principalName());
      } catch (Refused refused) {
        System.out.println("MSK IAM: refused: " + refused.getMessage());
        asked.error("invalid_token", null, null);
      } catch (Exception broken) {
        System.out.println("MSK IAM: refused: " + broken);
        asked.error("invalid_token", null, null);
      }
    }
  }

  private static OAuthBearerToken validate(String token) throws Exception {
    require(!token.contains("="), "padded");
    String link = new String(Base64.getUrlDecoder().decode(token), StandardCharsets.US_ASCII);
    String host = "kafka." + REGION + ".amazonaws.com";
    String begin = "https://" + host + "/?";
    require(link.startsWith(begin), "begins with another address");
    TreeMap<String, String> query = new TreeMap<>();  // as it is encoded
    for (String part : link.substring(begin.length()).split("&")) {
      String[] pair = part.split("=", 2);
      require(pair.length == 2 && query.put(pair[0], pair[1]) == null, "odd: " + part);
    }
    String signature = query.remove("X-Amz-Signature");
    require(query.remove("User-Agent") != null, "no User-Agent");
    require("kafka-cluster%3AConnect".equals(query.get("Action")), "another action");
    require("AWS4-HMAC-SHA256".equals(query.get("X-Amz-Algorithm")), "another algorithm");
    require("host".equals(query.get("X-Amz-SignedHeaders")), "other headers signed");
    String[] credential = query.get("X-Amz-Credential").split("%2F");
    require(credential.length == 5, "no credential");
    String date = query.get("X-Amz-Date");
    String scope = date.substring(0, 8) + "/" + REGION + "/kafka-cluster/aws4_request";
    require(String.join("/", List.of(credential).subList(1, 5)).equals(scope), "another scope");

    Key key = keyOf(credential[0]);
    String session = query.getOrDefault("X-Amz-Security-Token", "-");
    require(session.equals(key.session.equals("-") ? "-" : encoded(key.session)),
        "another session token");
    long made = Instant.from(TIME.parse(date)).getEpochSecond();
    long life = Long.parseLong(query.get("X-Amz-Expires"));
    long now = Instant.now().getEpochSecond();
    require(life <= LIFE_MAX_S && made <= now + SKEW_MAX_S && now < made + life, "out of its time");
    require(now < key.expires, "the key has expired");

    StringBuilder canonical = new StringBuilder("GET\n/\n");
    query.forEach((name, value) -> canonical.append(name).append('=').append(value).append('&'));
    canonical.setLength(canonical.length() - 1);
    canonical.append("\nhost:").append(host).append("\n\nhost\n").append(sha256(""));
    String text = "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + sha256(canonical.toString());
    byte[] signing = ("AWS4" + key.secret).getBytes(StandardCharsets.UTF_8);
    for (String part : scope.split("/")) {
      signing = hmac(signing, part);
    }
    require(HexFormat.of().formatHex(hmac(signing, text)).equals(signature), "wrongly signed");
    return new Taken(token, key.principal, 1000 * made, 1000 * Math.min(made + life, key.expires));
  }

  private static Key keyOf(String id) throws Exception {
    for (String line : Files.readAllLines(KEYS)) {
      String[] words = line.split(" ");
      if (words[0].equals(id)) {
        return new Key(words[1], words[2], Long.parseLong(words[3]), words[4]);
      }
    }
    throw new Refused("nobody has the key " + id);
  }

  private static void require(boolean holds, String why) throws Refused {
    if (!holds) {
      throw new Refused(why);
    }
  }

  private static String encoded(String text) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = b > 0 && (Character.isLetterOrDigit(b) || "-._~".indexOf(b) >= 0);
      out.append(plain ? String.valueOf((char) b) : String.format("%%%02X", b));
    }
    return out.toString();
  }

  private static String sha256(String text) throws Exception {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static byte[] hmac(byte[] key, String text) throws Exception {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }

  private record Taken(String value, String principalName, Long startTimeMs, long lifetimeMs)
      implements OAuthBearerToken {
    @Override
    public Set<String> scope() {
      return Set.of();
    }
  }
}
