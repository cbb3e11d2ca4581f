import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** Asks a gateway as Java's client does by default: it offers h2c with every request in the clear. */
public class Asks {
    public static void main(String[] arguments) throws Exception {
        URI base = URI.create(arguments[0]);
        byte[] large = "x".repeat(100_000).getBytes();
        BodyPublisher[] bodies = {
            BodyPublishers.noBody(),
            BodyPublishers.ofString("hello"),
            BodyPublishers.ofInputStream(() -> new ByteArrayInputStream("in chunks".getBytes())),
            BodyPublishers.ofByteArray(large),
            BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large)),
        };
        HttpClient client = HttpClient.newHttpClient();
        for (int round = 0; round < 2; round++) {
            for (BodyPublisher body : bodies) {
                String method = body == bodies[0] ? "GET" : "POST";
                HttpRequest request = HttpRequest.newBuilder(base).method(method, body).build();
                var answer = client.send(request, BodyHandlers.ofString());
                System.out.println(answer.version() + " " + answer.statusCode() + " " + answer.body());
            }
        }
    }
}
