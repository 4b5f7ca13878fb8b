/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.provider.Provider.Replay;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * What a seed is about: the server, how many nodes serve how many users, and what goes wrong when.
 *
 * <p>Faults are tied to moments of the protocol, not to points of time: "the second time that a node begins a token
 * request, another node takes a login". A few kinds per run, so that pairs of faults that matter together do meet.
 *
 * @param rotation what the server does with refresh tokens
 * @param replay what the library is told about that
 * @param wide whether revoking one token of a user ends all logins of the user
 * @param users how many grants the nodes keep at the same time
 * @param threads how many refreshes and reads a node does at once
 * @param clocks how much the wall clock of each node is ahead at first, in milliseconds
 * @param rounds how often the access token expires
 * @param faults what goes wrong
 */
record Plan(
        Rotation rotation,
        Replay replay,
        boolean wide,
        int users,
        int threads,
        List<Long> clocks,
        int rounds,
        List<Fault> faults) {
    /** How wrong clocks are: a little, too late, or by a jump that a clock makes when it is set. */
    static final long[] WRONG = {-40, 3_000, -7_000, -1_800_000, -3_600_000, 86_400_000};

    /** What a server does with a refresh token that comes back. */
    enum Rotation {
        /** The family ends. */
        STRICT,
        /** It is refused, the family lives on. */
        PLAIN,
        /** It is taken once more, both answers stay good. */
        GRACE,
        /** It is taken once more, the second answer ends the first. */
        HARSH,
        /** Refresh tokens do not change. */
        REUSABLE
    }

    /** Steps of the protocol at which something may happen. */
    enum Moment {
        FIND,
        MARK_WRITTEN,
        MARK_LANDED,
        REQUEST,
        ARRIVED,
        ANSWERED,
        TOKENS_WRITTEN,
        TOKENS_LANDED,
        FAILURE_WRITTEN,
        FAILURE_LANDED,
        LOGIN_WRITTEN,
        LOGIN_LANDED,
        DELETE
    }

    /** What may happen. */
    enum Kind {
        CRASH(6),
        CLOSE(4),
        PAUSE(6),
        CLOCK(3),
        OUTAGE(8),
        /** The store is down for all nodes at once. Half of the outages are. */
        BLACKOUT(0),
        /** The same, and the store comes back without its last writes. A quarter of these are. */
        FORGETFUL(0),
        WRITE_FAILS(8),
        SLOW_STORE(6),
        LOST_ANSWER(8),
        SLOW_ANSWER(4),
        TEMPORARY(4),
        LOGIN(12),
        SIGN_OUT(8),
        CONSENT(3),
        REJECTED(4),
        CALLERS(5),
        GIVE_UP(3),
        IMPORT(2),
        RECONSIDER(2),
        VERY_LATE(1);

        private final int weight;

        Kind(int weight) {
            this.weight = weight;
        }
    }

    private static final Map<Kind, List<Moment>> FITTING = new EnumMap<>(Map.of(
            Kind.WRITE_FAILS,
            List.of(
                    Moment.MARK_WRITTEN,
                    Moment.TOKENS_WRITTEN,
                    Moment.FAILURE_WRITTEN,
                    Moment.LOGIN_WRITTEN,
                    Moment.DELETE),
            Kind.SLOW_STORE,
            List.of(
                    Moment.FIND,
                    Moment.MARK_WRITTEN,
                    Moment.TOKENS_WRITTEN,
                    Moment.FAILURE_WRITTEN,
                    Moment.LOGIN_WRITTEN),
            Kind.LOST_ANSWER,
            List.of(Moment.REQUEST),
            Kind.SLOW_ANSWER,
            List.of(Moment.REQUEST),
            Kind.TEMPORARY,
            List.of(Moment.REQUEST),
            Kind.VERY_LATE,
            List.of(Moment.REQUEST)));

    /**
     * Something that goes wrong.
     *
     * @param kind what
     * @param moment when
     * @param skip how often the moment passes before
     * @param elsewhere whether it happens to any node, and not to the one whose moment it is
     * @param another whether it happens to any user, and not to the one whose moment it is
     * @param dice for the details
     */
    record Fault(Kind kind, Moment moment, int skip, boolean elsewhere, boolean another, long dice) {
        private Fault orForAll() {
            if (kind != Kind.OUTAGE || dice % 2 != 0) {
                return this;
            }
            return as(dice % 8 == 0 ? Kind.FORGETFUL : Kind.BLACKOUT);
        }

        private Fault as(Kind other) {
            return new Fault(other, moment, skip, elsewhere, another, dice);
        }
    }

    int nodes() {
        return clocks.size();
    }

    /** Whether all clocks are right, and remain so. */
    boolean hasRightClocks() {
        return clocks.stream().allMatch(ahead -> ahead == 0)
                && faults.stream().noneMatch(fault -> fault.kind() == Kind.CLOCK);
    }

    /** The same, with all that goes wrong being of one kind. */
    Plan only(Kind kind) {
        List<Fault> others = new ArrayList<>();
        for (Fault fault : faults) {
            List<Moment> moments = fitting(kind);
            boolean fits = moments.contains(fault.moment());
            Moment moment = fits ? fault.moment() : moments.get(Math.floorMod(fault.dice(), moments.size()));
            others.add(new Fault(kind, moment, fault.skip(), fault.elsewhere(), fault.another(), fault.dice()));
        }
        return new Plan(rotation, replay, wide, users, threads, clocks, rounds, others);
    }

    private static List<Moment> fitting(Kind kind) {
        return FITTING.getOrDefault(kind, List.of(Moment.values()));
    }

    /** The plan of a seed. */
    static Plan of(long seed) {
        return of(new SplittableRandom(seed).split());
    }

    static Plan of(SplittableRandom dice) {
        Rotation rotation = dice.nextInt(3) == 0 ? Rotation.STRICT : Rotation.values()[dice.nextInt(5)];
        int roll = dice.nextInt(10);
        Replay replay = roll == 0
                ? Replay.NEVER
                : roll < 3 && (rotation == Rotation.GRACE || rotation == Rotation.REUSABLE)
                        ? Replay.PROMPT
                        : Replay.LATE;
        boolean wide = dice.nextInt(4) == 0;
        List<Kind> kinds = new ArrayList<>();
        for (int i = dice.nextInt(8) == 0 ? dice.nextInt(2) : 2 + dice.nextInt(3); i > 0; i--) {
            kinds.add(kind(dice));
        }
        List<Fault> faults = new ArrayList<>();
        for (int i = kinds.isEmpty() ? 0 : 2 + dice.nextInt(6); i > 0; i--) {
            Kind kind = kinds.get(i <= kinds.size() ? i - 1 : dice.nextInt(kinds.size()));
            List<Moment> moments = fitting(kind);
            Fault fault = new Fault(
                    kind,
                    moments.get(dice.nextInt(moments.size())),
                    dice.nextInt(2) * dice.nextInt(4),
                    dice.nextInt(3) == 0,
                    dice.nextInt(3) == 0,
                    dice.nextLong());
            faults.add(fault.orForAll());
        }
        // More users are more work, and most faults concern one of them.
        int users = Math.max(1, dice.nextInt(6) - 2);
        boolean wrong = dice.nextInt(8) == 0;
        List<Long> clocks = new ArrayList<>();
        for (int i = 2 + dice.nextInt(5) / 4; i > 0; i--) {
            clocks.add(wrong && dice.nextInt(2) == 0 ? WRONG[dice.nextInt(WRONG.length)] : 0L);
        }
        int rounds = 1 + dice.nextInt(users == 1 ? 4 : 2);
        return new Plan(rotation, replay, wide, users, dice.nextInt(3) == 0 ? 2 : 64, clocks, rounds, faults);
    }

    private static Kind kind(SplittableRandom dice) {
        int sum = 0;
        for (Kind kind : Kind.values()) {
            sum += kind.weight;
        }
        int roll = dice.nextInt(sum);
        @Nullable Kind chosen = null;
        for (Kind kind : Kind.values()) {
            roll -= kind.weight;
            if (roll < 0) {
                chosen = kind;
                break;
            }
        }
        return chosen == null ? Kind.LOGIN : chosen;
    }
}
