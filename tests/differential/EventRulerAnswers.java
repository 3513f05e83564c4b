import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeSet;
import software.amazon.event.ruler.Machine;

/**
 * What event-ruler answers to cases, a JSON line each from standard input to standard output:
 *
 *   {"id", "rules": {NAME: PATTERN}, "event"} ->
 *   {"id", "refused": [NAME], "matched": [NAME]}
 *   {"id", "refused": [NAME], "error": CLASS}       the event could not be read
 *   {"id", "refused": [NAME], "exhausted": true}    it tried until its memory was full
 *
 * With "older": true in the case it is its older finder that is asked.
 *
 * Rules that it refuses are left out of the machine. Cases that follow each other with the same
 * rules share one.
 */
public final class EventRulerAnswers {
  private static final ObjectMapper JSON = new ObjectMapper();

  private JsonNode rules;
  private boolean older;
  private Machine machine;
  private TreeSet<String> refused;

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
    var answers = new EventRulerAnswers();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.write(JSON.writeValueAsString(answers.answer(JSON.readTree(line))));
      out.write('\n');
    }
    out.flush();
  }

  private ObjectNode answer(JsonNode test) {
    load(test.get("rules"), test.path("older").asBoolean());
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", test.get("id"));
    answer.set("refused", JSON.valueToTree(refused));
    try {
      var matched = new TreeSet<>(machine.rulesForJSONEvent(test.get("event").asText()));
      answer.set("matched", JSON.valueToTree(matched));
    } catch (OutOfMemoryError error) {
      answer.put("exhausted", true);
    } catch (Exception | StackOverflowError error) {
      answer.put("error", error.getClass().getSimpleName());
    }
    return answer;
  }

  private void load(JsonNode newRules, boolean newOlder) {
    if (newRules.equals(rules) && newOlder == older) return;
    rules = newRules;
    older = newOlder;
    machine = older ? Machine.builder().withStructuredMatching(false).build()
                    : Machine.builder().build();
    refused = new TreeSet<>();
    for (Map.Entry<String, JsonNode> rule : rules.properties()) {
      try {
        machine.addRule(rule.getKey(), rule.getValue().asText());
      } catch (Exception | StackOverflowError error) {
        refused.add(rule.getKey());
      }
    }
  }
}
