package generated_program;

import com.pulumi.Context;
import com.pulumi.Pulumi;
import io.groundworkiac.groundwork.GroundworkFunctions;
import io.groundworkiac.groundwork.inputs.GetStateLocksArgs;
import io.groundworkiac.groundwork.inputs.GetStateLocksPostgresArgs;

public class App {
    public static void main(String[] args) {
        Pulumi.run(App::stack);
    }

    public static void stack(Context ctx) {
        final var all = GroundworkFunctions.getStateLocks(GetStateLocksArgs.builder()
            .bucket("evalap-pulumi-state")
            .postgres(GetStateLocksPostgresArgs.builder()
                .database("pulumi_state_lock")
                .build())
            .build());

        // Each lock with its name, its holder and since when it is held.
        ctx.export("locks", all.applyValue(found -> found.locks()));
    }
}
