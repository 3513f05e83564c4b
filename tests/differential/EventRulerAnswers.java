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
 *   {"id", "refused": [NAME], "matched": [NAME]}    with "older" where its older finder differs
 *   {"id", "refused": [NAME], "error": CLASS}       the event could not be read
 *
 * Rules that it refuses are left out of the machine. Cases that follow each other with the same
 * rules share one.
 */
public final class EventRulerAnswers {
  private static final ObjectMapper JSON = new ObjectMapper();

  private JsonNode rules;
  private Machine machine;
  private Machine olderFinder;
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
    if (!test.get("rules").equals(rules)) load(test.get("rules"));
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", test.get("id"));
    answer.set("refused", JSON.valueToTree(refused));
    String event = test.get("event").asText();
    try {
      var matched = new TreeSet<>(machine.rulesForJSONEvent(event));
      answer.set("matched", JSON.valueToTree(matched));
      var older = new TreeSet<>(olderFinder.rulesForJSONEvent(event));
      if (!older.equals(matched)) answer.set("older", JSON.valueToTree(older));
    } catch (Exception | StackOverflowError error) {
      answer.remove("matched");
      answer.put("error", error.getClass().getSimpleName());
    }
    return answer;
  }

  private void load(JsonNode newRules) {
    rules = newRules;
    machine = Machine.builder().build();
    olderFinder = Machine.builder().withStructuredMatching(false).build();
    refused = new TreeSet<>();
    for (Map.Entry<String, JsonNode> rule : rules.properties()) {
      try {
        machine.addRule(rule.getKey(), rule.getValue().asText());
        olderFinder.addRule(rule.getKey(), rule.getValue().asText());
      } catch (Exception | StackOverflowError error) {
        refused.add(rule.getKey());
      }
    }
  }
}
