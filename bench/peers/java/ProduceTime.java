// ProduceTime: what a transaction takes by the Java client, from begin until the commit has returned.
//
// Each transaction holds `--records` records of 1 KB, by turns to topics `prefix0` to
// `prefix(destinations-1)`, as bench/produce_time.cc has it for Turnout's sinks. `--warm` transactions
// go before those that count. One line of JSON is printed: percentiles of the time; CPU of all threads,
// user and system, a transaction. Any error ends it with status 1.

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class ProduceTime {
    private static final int RECORD_BYTES = 1_000;

    private final KafkaProducer<byte[], byte[]> producer;
    private final String[] topics;
    private final int records;
    private final byte[] value = new byte[RECORD_BYTES];
    private int next = 0;

    private ProduceTime(Options options) {
        Map<String, Object> producing = new HashMap<>(Options.producer());
        producing.put("bootstrap.servers", options.text("--brokers"));
        producing.put("transactional.id", options.text("--id"));
        producer = new KafkaProducer<>(producing, new ByteArraySerializer(), new ByteArraySerializer());
        topics = new String[(int) options.number("--destinations")];
        for (int i = 0; i < topics.length; i++) topics[i] = options.text("--prefix") + i;
        records = (int) options.number("--records");
        Arrays.fill(value, (byte) 'x');
    }

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        ProduceTime bench = new ProduceTime(options);
        bench.producer.initTransactions();
        for (long i = options.number("--warm"); i > 0; i--) bench.transact();

        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long[] tookNs = new long[(int) options.number("--transactions")];
        long cpuNs = system.getProcessCpuTime();
        for (int i = 0; i < tookNs.length; i++) {
            long beginNs = System.nanoTime();
            bench.transact();
            tookNs[i] = System.nanoTime() - beginNs;
        }
        cpuNs = system.getProcessCpuTime() - cpuNs;
        bench.producer.close();
        Arrays.sort(tookNs);
        System.out.printf(Locale.ROOT, "{\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"client_cpu_us\": %.0f}%n",
                percentileMs(tookNs, 0.5), percentileMs(tookNs, 0.99), cpuNs / 1e3 / tookNs.length);
    }

    private void transact() {
        producer.beginTransaction();
        for (int i = 0; i < records; i++) {
            byte[] key = Integer.toString(i).getBytes(StandardCharsets.US_ASCII);
            // An error of a record is the commit's too.
            producer.send(new ProducerRecord<>(topics[next++ % topics.length], key, value));
        }
        producer.commitTransaction();
    }

    private static double percentileMs(long[] sortedNs, double part) {
        return sortedNs[(int) ((sortedNs.length - 1) * part)] / 1e6;
    }
}
