// Runs one Elasticsearch node for local tests, from the jars that are on Maven Central.
//   java -cp 'HOME/lib/*' LocalNode HOME DATA [setting=value ...]         settings as in elasticsearch.yml
// The usual launcher is not among those jars; the class Node is, and is public. It skips what only a distribution needs:
// the bootstrap checks, the security manager and the refusal to run as root.
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import org.apache.lucene.util.Version;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

public final class LocalNode {
    public static void main(String[] args) throws Exception {
        System.setProperty("log4j.shutdownHookEnabled", "false"); // or the stopping would go unlogged
        Node node;
        try {
            node = create(Path.of(args[0]), Path.of(args[1]), List.of(args).subList(2, args.length));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node)));
            node.start();
        } catch (Throwable failure) { // threads already started would keep the process
            failure.printStackTrace();
            System.exit(1);
            return;
        }
        Thread.currentThread().join(); // until a signal
    }

    static Node create(Path home, Path data, List<String> arguments) throws Exception {
        Map<String, String> settings = new HashMap<>(Map.of(
            "path.home", home.toString(),
            "path.data", data.resolve("data").toString(),
            "path.logs", data.resolve("logs").toString(),
            "cluster.name", "local",
            "node.name", "local",
            "discovery.type", "single-node",
            "network.host", "127.0.0.1",
            "transport.port", "0"));
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        Path config = logToConsole(data.resolve("config"));
        describe(home, "transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin");
        describe(home, "analysis-lucene", "LuceneAnalysis");

        Environment environment = InternalSettingsPreparer.prepareEnvironment(Settings.EMPTY, settings, config, () -> "local");
        LogConfigurator.setNodeName("local");
        LogConfigurator.configure(environment, true);
        Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules(environment.modulesDir()), Set.of(), Map.of(), false));
        node.injector().getInstance(RestController.class).registerHandler(new Banner(node));
        return node;
    }

    static void stop(Node node) {
        try {
            node.prepareForClose();
            node.close();
            node.awaitClose(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    static Path logToConsole(Path config) throws Exception {
        Files.createDirectories(config);
        Files.writeString(config.resolve("log4j2.properties"), """
            appender.out.type = Console
            appender.out.name = out
            appender.out.layout.type = PatternLayout
            appender.out.layout.pattern = %d{ISO8601} %-5p %c{1.} %m%n
            rootLogger.level = info
            rootLogger.appenderRef.out.ref = out
            """);
        return config;
    }

    /** A module is a folder of jars with this file; the node refuses one that names another version than its own. */
    static void describe(Path home, String module, String plugin) throws Exception {
        Path file = home.resolve("modules").resolve(module).resolve("plugin-descriptor.properties");
        String text = """
            name=%s
            classname=%s
            description=for local tests
            version=%3$s
            elasticsearch.version=%3$s
            java.version=17
            """.formatted(module, plugin, Build.current().version());
        if (!Files.exists(file)) { // two instances may start at once
            Path fresh = Files.createTempFile(file.getParent().getParent().getParent(), "descriptor", "");
            Files.writeString(fresh, text);
            Files.move(fresh, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** loadModulesBundles(Path) in 8.19, with a boolean more in 9.5. */
    @SuppressWarnings("unchecked")
    static Set<PluginBundle> modules(Path folder) throws Exception {
        for (Method method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals("loadModulesBundles")) {
                Object[] arguments = method.getParameterCount() == 1 ? new Object[] {folder} : new Object[] {folder, false};
                return (Set<PluginBundle>) method.invoke(null, arguments);
            }
        }
        throw new NoSuchMethodException("PluginsLoader.loadModulesBundles");
    }

    /** GET / and HEAD /: how clients recognise product and version. The module that has them is not on Maven Central. */
    record Banner(Node node) implements RestHandler {
        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        public void handleRequest(RestRequest request, RestChannel channel, NodeClient client) throws Exception {
            Build build = Build.current();
            var json = channel.newBuilder().startObject();
            json.field("name", node.settings().get("node.name"));
            json.field("cluster_name", node.settings().get("cluster.name"));
            json.field("cluster_uuid", node.injector().getInstance(ClusterService.class).state().metadata().clusterUUID());
            json.startObject("version").field("number", build.version());
            json.field("build_flavor", build.flavor()).field("build_type", build.type().displayName());
            json.field("build_hash", build.hash()).field("build_date", build.date()).field("build_snapshot", build.isSnapshot());
            json.field("lucene_version", Version.LATEST.toString());
            json.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
            json.field("minimum_index_compatibility_version", build.minIndexCompatVersion()).endObject();
            channel.sendResponse(new RestResponse(RestStatus.OK, json.field("tagline", "You Know, for Search").endObject()));
        }
    }
}
