// FlinkRouter: the same routing as a Flink DataStream job in a local cluster of one slot: KafkaSource,
// a flat map that asks event-ruler, KafkaSink. All three are chained, and objects are reused, so an
// event is handed on by reference. Offsets are committed, and transactions ended, with each checkpoint.
// A job that fails is not restarted: it ends with status 1.

import java.io.IOException;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;

public final class FlinkRouter {
    /** An event, and from the flat map on the topic that it goes to. */
    public static final class Event {
        final String topic;
        final byte[] key;
        final byte[] value;
        final Headers headers;

        Event(String topic, byte[] key, byte[] value, Headers headers) {
            this.topic = topic;
            this.key = key;
            this.value = value;
            this.headers = headers;
        }
    }

    private static final class Reader implements KafkaRecordDeserializationSchema<Event> {
        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Event> out) {
            out.collect(new Event(null, record.key(), record.value(), record.headers()));
        }

        @Override
        public TypeInformation<Event> getProducedType() {
            return TypeInformation.of(Event.class);
        }
    }

    private static final class Router extends RichFlatMapFunction<Event, Event> {
        private final String path;
        private transient Rules rules;

        Router(String path) {
            this.path = path;
        }

        @Override
        public void open(OpenContext context) throws IOException {
            rules = new Rules(java.nio.file.Path.of(path));
        }

        @Override
        public void flatMap(Event event, Collector<Event> out) throws IOException {
            for (String topic : rules.topics(event.value)) {
                out.collect(new Event(topic, event.key, event.value, event.headers));
            }
        }
    }

    private static final class Writer implements KafkaRecordSerializationSchema<Event> {
        @Override
        public ProducerRecord<byte[], byte[]> serialize(Event event, KafkaSinkContext context,
                Long timestamp) {
            return new ProducerRecord<>(event.topic, null, event.key, event.value, event.headers);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments);
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        StreamExecutionEnvironment job = StreamExecutionEnvironment.createLocalEnvironment(1, configuration);
        job.getConfig().enableObjectReuse();
        job.enableCheckpointing(options.number("--commit-ms"),
                options.exactlyOnce() ? CheckpointingMode.EXACTLY_ONCE : CheckpointingMode.AT_LEAST_ONCE);
        job.fromSource(source(options), WatermarkStrategy.noWatermarks(), "events")
                .flatMap(new Router(options.text("--rules")))
                .sinkTo(sink(options));
        job.execute();
    }

    private static KafkaSource<Event> source(Options options) {
        return KafkaSource.<Event>builder()
                .setBootstrapServers(options.text("--brokers"))
                .setTopics(options.text("--topic"))
                .setGroupId(options.text("--group"))
                .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
                .setDeserializer(new Reader())
                .setProperties(asProperties(Options.consumer()))
                .build();
    }

    private static KafkaSink<Event> sink(Options options) {
        Properties producing = asProperties(Options.producer());
        producing.setProperty("transaction.timeout.ms", "600000");  // below the broker's maximum
        return KafkaSink.<Event>builder()
                .setBootstrapServers(options.text("--brokers"))
                .setKafkaProducerConfig(producing)
                .setDeliveryGuarantee(options.exactlyOnce() ? DeliveryGuarantee.EXACTLY_ONCE
                                                            : DeliveryGuarantee.AT_LEAST_ONCE)
                .setTransactionalIdPrefix(options.text("--group"))
                .setRecordSerializer(new Writer())
                .build();
    }

    private static Properties asProperties(Map<String, Object> values) {
        Properties properties = new Properties();
        values.forEach((name, value) -> properties.setProperty(name, value.toString()));
        return properties;
    }
}
