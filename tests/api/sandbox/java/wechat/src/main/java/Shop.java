import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** A merchant at the simulated WeChat Pay: what sandbox.json tells it, its server for callbacks, its payer. */
final class Shop implements AutoCloseable {
    /** A callback as it came. */
    record Letter(Map<String, java.util.List<String>> headers, String body) {
        String header(String name) {
            return headers.get(name).get(0);
        }
    }

    final URI channel;
    final String notifyUrl;
    private final Path folder;
    private final JsonObject wechat;
    private final String control;
    private final HttpServer server;
    private final BlockingQueue<Letter> letters = new ArrayBlockingQueue<>(16);

    Shop(Path folder) throws Exception {
        this.folder = folder;
        JsonObject told = JsonParser.parseString(Files.readString(folder.resolve("sandbox.json"))).getAsJsonObject();
        wechat = told.getAsJsonObject("wechat");
        control = told.get("control_url").getAsString();
        channel = URI.create(told.get("base_url").getAsString());
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/notify", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            letters.add(new Letter(exchange.getRequestHeaders(), body));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        notifyUrl = "http://127.0.0.1:" + server.getAddress().getPort() + "/notify";
    }

    String told(String name) {
        return wechat.get(name).getAsString();
    }

    String file(String name) {
        return folder.resolve(told(name)).toString();
    }

    String text(String name) throws Exception {
        return Files.readString(Path.of(file(name))).strip();
    }

    /** The payer pays the order. */
    void pay(String reference) throws Exception {
        HttpClient http = HttpClient.newHttpClient();
        URI found = URI.create(control + "/orders?reference=" + reference);
        String orders = http.send(HttpRequest.newBuilder(found).build(), HttpResponse.BodyHandlers.ofString()).body();
        String id = JsonParser.parseString(orders).getAsJsonObject().getAsJsonArray("orders").get(0)
            .getAsJsonObject().get("id").getAsString();
        HttpRequest act = HttpRequest.newBuilder(URI.create(control + "/orders/" + id + "/pay"))
            .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString("{}")).build();
        http.send(act, HttpResponse.BodyHandlers.discarding());
    }

    Letter nextLetter() throws InterruptedException {
        Letter letter = letters.poll(10, TimeUnit.SECONDS);
        if (letter == null) {
            throw new IllegalStateException("no callback came");
        }
        return letter;
    }

    static void say(Map<String, Object> said) {
        System.out.println(new Gson().toJson(said));
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
