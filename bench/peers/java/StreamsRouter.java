// StreamsRouter: the same routing in Kafka Streams: source, a processor that asks event-ruler, and a
// sink whose TopicNameExtractor takes the topic that the processor decided on. Any error ends it with
// status 1.

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.TopicNameExtractor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

public final class StreamsRouter {
    private record Routed(String topic, byte[] event) {}

    private static final class Router extends ContextualProcessor<byte[], byte[], byte[], Routed> {
        private final Rules rules;

        Router(Rules rules) {
            this.rules = rules;
        }

        @Override
        public void process(Record<byte[], byte[]> event) {
            try {
                for (String topic : rules.topics(event.value())) {
                    context().forward(event.withValue(new Routed(topic, event.value())));
                }
            } catch (IOException malformed) {
                throw new UncheckedIOException(malformed);
            }
        }
    }

    public static void main(String[] arguments) {
        Options options = new Options(arguments);
        Topology topology = new Topology();
        topology.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(),
                options.text("--topic"));
        topology.addProcessor("router", () -> new Router(read(options)), "events");
        TopicNameExtractor<byte[], Routed> topicOf = (key, routed, context) -> routed.topic();
        Serializer<Routed> bytesOf = (topic, routed) -> routed.event();
        topology.addSink("topics", topicOf, new ByteArraySerializer(), bytesOf, "router");
        KafkaStreams streams = new KafkaStreams(topology, properties(options));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
    }

    // A task a partition, and a processor of its own each.
    private static Rules read(Options options) {
        try {
            return new Rules(options.rules());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static Properties properties(Options options) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.text("--brokers"));
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, options.text("--group"));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, options.text("--state"));
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                options.exactlyOnce() ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, options.number("--commit-ms"));
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        properties.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        Options.consumer().forEach((name, value) -> {
            // Kafka Streams sets this by its guarantee.
            if (!name.equals("isolation.level")) properties.put(StreamsConfig.consumerPrefix(name), value);
        });
        Options.producer().forEach(
                (name, value) -> properties.put(StreamsConfig.producerPrefix(name), value));
        return properties;
    }
}
