import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs mongo-java-server on 127.0.0.1 with its data in memory, and makes the file DIR/ready when it listens.
 * It says that it is a 5.0 with wire version 13, since its own constants stop at wire version 8, which current drivers
 * refuse.
 *
 * <p>Usage: {@code MongoLocal DIR PORT}.
 */
public final class MongoLocal {
    public static void main(String[] args) throws Exception {
        MongoVersion version = new MongoVersion() {
            @Override public List<Integer> getVersionArray() { return List.of(5, 0, 0, 0); }
            @Override public int getWireVersion() { return 13; }
        };
        MongoServer server = new MongoServer(new MemoryBackend().version(version));
        server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        Files.writeString(Path.of(args[0], "ready"), "");
        Thread.currentThread().join();
    }
}
