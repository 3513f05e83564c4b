// JavaLoop: consume, ask event-ruler, produce, commit, with nothing between but the Java client.
//
// A batch is what a poll brings: what arrived while the last one was committed. With `exactly_once`
// it is a transaction with its offsets, with `at_least_once` its records are acknowledged before its
// offsets are committed. Any error ends it with status 1.

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class JavaLoop {
    private final boolean exactlyOnce;
    private final Rules rules;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;
    private final AtomicReference<Exception> refused = new AtomicReference<>();

    private JavaLoop(Options options) throws IOException {
        exactlyOnce = options.exactlyOnce();
        rules = new Rules(options.rules());
        Map<String, Object> consuming = new HashMap<>(Options.consumer());
        consuming.put("bootstrap.servers", options.text("--brokers"));
        consuming.put("group.id", options.text("--group"));
        consuming.put("enable.auto.commit", false);
        consumer = new KafkaConsumer<>(consuming, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        Map<String, Object> producing = new HashMap<>(Options.producer());
        producing.put("bootstrap.servers", options.text("--brokers"));
        if (exactlyOnce) producing.put("transactional.id", options.text("--group"));
        producer = new KafkaProducer<>(producing, new ByteArraySerializer(), new ByteArraySerializer());
        if (exactlyOnce) producer.initTransactions();
        consumer.subscribe(List.of(options.text("--topic")));
    }

    public static void main(String[] arguments) throws Exception {
        JavaLoop loop = new JavaLoop(new Options(arguments));
        while (true) {
            ConsumerRecords<byte[], byte[]> batch = loop.consumer.poll(Duration.ofMillis(100));
            if (!batch.isEmpty()) loop.route(batch);
        }
    }

    private void route(ConsumerRecords<byte[], byte[]> batch) throws Exception {
        if (exactlyOnce) producer.beginTransaction();
        for (ConsumerRecord<byte[], byte[]> event : batch) {
            for (String topic : rules.topics(event.value())) {
                producer.send(new ProducerRecord<>(topic, null, event.key(), event.value(), event.headers()),
                        (sent, error) -> refused.compareAndSet(null, error));
            }
        }
        if (exactlyOnce) {
            producer.sendOffsetsToTransaction(batch.nextOffsets(), consumer.groupMetadata());
            producer.commitTransaction();
        } else {
            producer.flush();
            if (refused.get() != null) throw refused.get();
            consumer.commitSync(batch.nextOffsets());
        }
    }
}
