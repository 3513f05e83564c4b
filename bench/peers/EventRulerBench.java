// EventRulerBench: what an event costs event-ruler's rulesForJSONEvent, in `turnout match --bench`'s
// terms.
//
//   EventRulerBench RULES.jsonl EVENTS.ndjson ANSWERS
//
// Builds the machine, writes to ANSWERS a line for each event, as `turnout match` prints it, says
// `answered` and waits for a line on standard input: whoever started it compares. Then it warms the
// compiler up for five seconds, takes at least five passes of at least 200 ms by the thread's CPU time,
// and prints one line of JSON with the best. What collects garbage on other threads is not counted.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import software.amazon.event.ruler.Machine;

public class EventRulerBench {
    private static final long WARM_UP_NS = 5_000_000_000L;
    private static final long PASS_NS_MIN = 200_000_000L;
    private static final int PASSES_MIN = 5;
    private static final long PASSES_NS_MAX = 3_000_000_000L;

    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Machine machine = new Machine();
    private final List<String> events = new ArrayList<>();
    private long matches;
    private long errors;

    public static void main(String[] arguments) throws Exception {
        EventRulerBench bench = new EventRulerBench();
        List<String[]> rules = readRules(Path.of(arguments[0]));
        for (String line : Files.readAllLines(Path.of(arguments[1]))) {
            if (!line.isBlank()) bench.events.add(line);
        }
        long heapBefore = heapInUse();
        long begun = cpuNs();
        for (String[] rule : rules) bench.machine.addRule(rule[0], rule[1]);
        double buildMs = (cpuNs() - begun) / 1e6;
        double bytesPerRule = Math.max(0, heapInUse() - heapBefore) / (double) rules.size();

        bench.answer(Path.of(arguments[2]));
        System.out.println("answered");
        if (new BufferedReader(new InputStreamReader(System.in)).readLine() == null) return;
        bench.measure(rules.size(), buildMs, bytesPerRule);
    }

    // Each rule's "team/name" and pattern.
    private static List<String[]> readRules(Path path) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        List<String[]> rules = new ArrayList<>();
        for (String line : Files.readAllLines(path)) {
            if (line.isBlank()) continue;
            JsonNode rule = mapper.readTree(line);
            rules.add(new String[] {rule.get("team").asText() + "/" + rule.get("name").asText(),
                                    rule.get("match").toString()});
        }
        return rules;
    }

    private void answer(Path path) throws Exception {
        try (BufferedWriter out = Files.newBufferedWriter(path)) {
            for (String event : events) {
                try {
                    List<String> names = new ArrayList<>(machine.rulesForJSONEvent(event));
                    names.sort(null);
                    out.write(names.isEmpty() ? "[]" : "[\"" + String.join("\", \"", names) + "\"]");
                } catch (Exception malformed) {
                    out.write("{\"error\"}");
                }
                out.newLine();
            }
        }
    }

    private void round() {
        matches = 0;
        errors = 0;
        for (String event : events) {
            try {
                matches += machine.rulesForJSONEvent(event).size();
            } catch (Exception malformed) {
                ++errors;
            }
        }
    }

    private void measure(int rules, double buildMs, double bytesPerRule) {
        long first = cpuNs();
        long roundNs;
        do {
            long begun = cpuNs();
            round();
            roundNs = Math.max(1, cpuNs() - begun);
        } while (cpuNs() - first < WARM_UP_NS);
        long rounds = (PASS_NS_MIN + roundNs - 1) / roundNs;

        long thread = Thread.currentThread().getId();
        long bytesBefore = THREADS.getThreadAllocatedBytes(thread);
        long best = Long.MAX_VALUE;
        long spent = 0;
        int passes = 0;
        for (; passes < PASSES_MIN || spent < PASSES_NS_MAX; ++passes) {
            long begun = cpuNs();
            for (long i = 0; i < rounds; ++i) round();
            long passNs = cpuNs() - begun;
            best = Math.min(best, passNs);
            spent += passNs;
        }
        double timed = (double) passes * rounds * events.size();
        double nsPerEvent = best / ((double) rounds * events.size());
        System.out.printf(Locale.ROOT,
                "{\"rules\": %d, \"events\": %d, \"matches\": %d, \"errors\": %d, \"ns_per_event\": %.1f, "
                + "\"events_per_s_core\": %.0f, \"build_ms\": %.2f, \"bytes_per_rule\": %.0f, "
                + "\"allocations_per_event\": null, \"allocated_bytes_per_event\": %.0f}%n",
                rules, events.size(), matches, errors, nsPerEvent, 1e9 / nsPerEvent, buildMs, bytesPerRule,
                (THREADS.getThreadAllocatedBytes(thread) - bytesBefore) / timed);
    }

    private static long cpuNs() {
        return THREADS.getCurrentThreadCpuTime();
    }

    private static long heapInUse() throws InterruptedException {
        for (int i = 0; i < 3; ++i) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
