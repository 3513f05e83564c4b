// Rules: the rules that the pipelines route by, in event-ruler's machines.
//
// Reads a JSON object a line: `match`, a pattern that asks for one or more exact types, and `to`, a
// topic. There is a machine for each type, which is how EventBridge itself keeps patterns apart by
// `detail-type`: an event is parsed once, its type picks the machine, and the machine is asked for
// what is left of the patterns. A rule's name in the machine is its topic, so a match is an answer.
// Threads: one thread uses it.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.GenericMachine;

public final class Rules {
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, GenericMachine<String>> machines = new HashMap<>();

    public Rules(Path path) throws IOException {
        for (String line : Files.readAllLines(path)) {
            JsonNode rule = mapper.readTree(line);
            ObjectNode pattern = (ObjectNode) rule.get("match");
            for (JsonNode type : pattern.remove("type")) {
                machines.computeIfAbsent(type.textValue(), unused -> GenericMachine.<String>builder().build())
                        .addRule(rule.get("to").textValue(), pattern.toString());
            }
        }
    }

    /** The topics that this event goes to, each once. */
    public List<String> topics(byte[] event) throws IOException {
        JsonNode root = mapper.readTree(event);
        JsonNode type = root.get("type");
        GenericMachine<String> machine = type == null ? null : machines.get(type.textValue());
        return machine == null ? List.of() : machine.rulesForJSONEvent(root);
    }
}
