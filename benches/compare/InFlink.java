import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

/**
 * The same questions in Flink SQL, streaming, in one process: an interval join, and its pairs by key.
 * Usage: FILE within|ranges THREADS
 *
 * <p>Counts a key once, and events of a side with equal times once: right for the workload, whose keys
 * live for milliseconds and whose events differ in time. The clock starts with the Java machine loaded, before
 * the table environment.
 */
public class InFlink {
    public static void main(String[] arguments) throws Exception {
        String file = arguments[0];
        String bound = arguments[1].equals("within") ? "INTERVAL '30' SECOND" : "INTERVAL '5' MINUTE";
        long start = System.nanoTime();
        Configuration configuration = new Configuration();
        configuration.setString("parallelism.default", arguments[2]);
        // Fewer updates of the counts on the way: the fastest settings found.
        configuration.setString("table.exec.mini-batch.enabled", "true");
        configuration.setString("table.exec.mini-batch.allow-latency", "1 s");
        configuration.setString("table.exec.mini-batch.size", "50000");
        configuration.setString("table.optimizer.agg-phase-strategy", "ONE_PHASE");
        configuration.setString("table.local-time-zone", "UTC");
        TableEnvironment table = TableEnvironment.create(
            EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build());
        table.executeSql(
            "CREATE TABLE log ("
                + " `timestamp` TIMESTAMP_LTZ(3),"
                + " labels ROW<service STRING, request_id STRING>,"
                + " WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '30' SECOND"
                + ") WITH ('connector' = 'filesystem', 'format' = 'json',"
                + " 'json.timestamp-format.standard' = 'ISO-8601', 'path' = 'file://" + file + "')");
        String side = "(SELECT labels.request_id AS key, `timestamp` AS ts FROM log WHERE labels.service = '%s')";
        String query =
            "SELECT COUNT(*), SUM(events) FROM ("
                + " SELECT f.key, COUNT(DISTINCT f.ts) + COUNT(DISTINCT b.ts) AS events"
                + " FROM " + side.formatted("frontend") + " f, " + side.formatted("backend") + " b"
                + " WHERE f.key = b.key AND b.ts BETWEEN f.ts - " + bound + " AND f.ts + " + bound
                + " GROUP BY f.key)";
        Row last = Row.of(0L, 0L);
        try (CloseableIterator<Row> rows = table.executeSql(query).collect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                if (row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER) {
                    last = row;
                }
            }
        }
        double ms = (System.nanoTime() - start) / 1e6;
        String version = org.apache.flink.runtime.util.EnvironmentInformation.getVersion();
        System.out.printf(
            "{\"correlations\":%s,\"events\":%s,\"ms\":%.3f,\"version\":\"%s\"}%n",
            last.getField(0), last.getField(1), ms, version);
        System.exit(0);
    }
}
