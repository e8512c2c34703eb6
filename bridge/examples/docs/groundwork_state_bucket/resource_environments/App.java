package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.StateBucket;
import io.groundworkiac.groundwork.StateBucketArgs;
import io.groundworkiac.groundwork.inputs.StateBucketLifecycleRulesArgs;
import java.util.List;
import java.util.Map;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        // One bucket for each environment. Production keeps its history for longer.
        for (var environment : List.of("dev", "staging", "prod")) {
            new StateBucket(environment, StateBucketArgs.builder()
                .name("terraform-state-coder-" + environment)
                .tags(Map.of("environment", environment))
                .lifecycleRules(StateBucketLifecycleRulesArgs.builder()
                    .noncurrentExpirationDays(environment.equals("prod") ? 365 : 90)
                    .noncurrentVersionsToKeep(10)
                    .build())
                .build());
        }
    }
}
