// Options: a pipeline's command line, and what every pipeline tells its Kafka clients.

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] arguments) {
        for (int i = 0; i + 1 < arguments.length; i += 2) values.put(arguments[i], arguments[i + 1]);
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) throw new IllegalArgumentException(name + " is not given");
        return value;
    }

    long number(String name) {
        return Long.parseLong(text(name));
    }

    boolean exactlyOnce() {
        return text("--delivery").equals("exactly_once");
    }

    Path rules() {
        return Path.of(text("--rules"));
    }

    /** Large fetches, so that a backlog costs few of them; what is there is sent at once all the same. */
    static Map<String, Object> consumer() {
        return Map.of("auto.offset.reset", "earliest",
                "isolation.level", "read_committed",
                "max.poll.records", 10_000,
                "max.partition.fetch.bytes", 4 << 20,
                "fetch.max.wait.ms", 100);
    }

    /** The linger and the absence of compression are Turnout's own and the floor's. */
    static Map<String, Object> producer() {
        return Map.of("acks", "all",
                "enable.idempotence", true,
                "linger.ms", 5,
                "batch.size", 256 << 10,
                "buffer.memory", 256L << 20,
                "compression.type", "none");
    }
}
