/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that goes away and comes back, perhaps without its last writes: the refresh protocol, as a model for Spin.
 *
 * N nodes share one row, the grant of one login, and one authorization server, where a refresh token works once. In an
 * outage no node reaches the store. It ends for the store first, which may then hold an older row (a database that
 * confirms writes before they are on disk, a standby that takes over), and for each node later, in any order. Tokens
 * that were lost with a write, and an attempt that was lost while a request is under way, are known to nobody but the
 * nodes that wrote or read them. A node that refreshes without them sends a spent refresh token, and the server ends
 * the grant. So a node that noticed the outage reads the row that it wrote last, writes it again if the store has an
 * older one, and begins nothing until all others have done the same.
 *
 * Time is not modelled. An outage may be shorter or longer than an attempt's T; what depends on T is an assumption. T
 * of an attempt is over for observers only when its request is over, and (OBSERVED) when its holder has stored what
 * the request brought, since observers count only time in which the store could be read. The time for which a node
 * waits after an outage (as long as the outage was, 5 s at most, and 2 s more) is over when every node that noticed is
 * back, has read the row and has written the tokens that it holds: that it is long enough is the assumption APART. An
 * attempt that the store has gone back to may be at the end of its T at once, unless ANEW.
 *
 * Each option of a do-loop is one step; anything may happen between two steps. To read a row and to write it again is
 * one step: if anybody wrote in between, the second write would lose, and the row be read again. A version never
 * changes, so a node remembers a row by the number of its version. The answer to the write of an attempt, which decides
 * whether a request is sent, may come later than the write, or never.
 *
 * Not modelled: logins and sign-outs (the row counts as it stands if the store lost one), several grants and resources,
 * the lease of an attempt whose T is short, back-off, a memory that is full, rows that outlasted one outage and are not
 * looked at after the next, a node that starts in an outage, failures of single calls other than a write of tokens.
 * Whatever a node calls for makes it notice an outage; its other rows are not modelled. What a refresh does without
 * outages is told by the essay in Refresher.java.
 *
 * Without any -D, all rules hold and everybody notices. -DSETTLE=0 takes that rule away, and so on.
 */

/* ---- the authorization server: what it does with a spent refresh token ---------------------------------- */
#define STRICT 1       /* revokes the grant                                                                       */
#define GRACE  2       /* accepts it once more, both answers stay good; then as STRICT                            */
#ifndef SERVER
#define SERVER STRICT
#endif

/* ---- the rules ------------------------------------------------------------------------------------------ */
#define NEVER 0
#define LATE  1
#ifndef REPLAY
#define REPLAY LATE    /* after a lost answer: the request once more, or (NEVER) the grant is given up            */
#endif
#ifndef SETTLE
#define SETTLE 1       /* until it has waited, a node that noticed an outage begins no attempt and gives no grant up: 0
                          it does both, 2 it does the latter                                                      */
#endif
#ifndef MOVED
#define MOVED 1        /* 1: nothing is sent under an attempt during whose write the store was away               */
#endif
#ifndef LOOK
#define LOOK 2         /* after an outage, each node reads the row: 0 no, 1 if it wrote it and nobody else has since,
                          2 also if it stored the tokens in it                                                    */
#endif
#ifndef RESTORE
#define RESTORE 1      /* a row is replaced by the remembered one: 0 never, 1 if it has fewer refreshes, 2 if it
                          has other tokens (a broken restore)                                                     */
#endif
#ifndef ATTEMPT
#define ATTEMPT 1      /* 1: so is the version over which this node wrote its attempt                             */
#endif
#ifndef REQUEST
#define REQUEST 2      /* while the store settles, so is a row without the attempt under which a request is under
                          way: 0 no, 1 if nothing else in it differs, 2 if it has the same tokens                 */
#endif
#ifndef UNSAVED
#define UNSAVED 1      /* 1: new tokens are kept until they are written. 0: a write that fails drops them         */
#endif
#ifndef OBSERVED
#define OBSERVED 1     /* 1: T grows only while the store can be read. 0: it may end in an outage                 */
#endif

/* ---- assumptions ---------------------------------------------------------------------------------------- */
#ifndef NOTICE
#define NOTICE 1       /* 1: every node calls for something in every outage. 0: some may not                      */
#endif
#ifndef APART
#define APART 1        /* 1: the time for which a node waits is enough for all others. 0: it may not be           */
#endif
#ifndef ANEW
#define ANEW 0         /* 0: an attempt that the store has gone back to may be at the end of its T at once. 1: its T
                          outlasts what was under way, as that of one that nobody had watched before the outage   */
#endif
#ifndef BRIEF
#define BRIEF 1        /* 1: a node that is cut off alone is back within T. 0: it may not be                      */
#endif

/* ---- budgets -------------------------------------------------------------------------------------------- */
#ifndef N
#define N 2            /* nodes                                                                                   */
#endif
#ifndef OUTAGES
#define OUTAGES 1      /* outages for all nodes                                                                   */
#endif
#ifndef LOSES
#define LOSES 0        /* writes that the store loses, in all outages together                                    */
#endif
#ifndef CUTS
#define CUTS 0         /* times that the store is away for one node alone                                         */
#endif
#ifndef EXPS
#define EXPS 1         /* expiries after the first (the run begins expired)                                       */
#endif
#ifndef FAILS
#define FAILS 0        /* token writes that land and look failed                                                  */
#endif
#ifndef LOSTS
#define LOSTS 0        /* answers of the token endpoint that are lost                                             */
#endif
#ifndef TEMPS
#define TEMPS 0        /* temporary failures of the token endpoint                                                */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif

/* ---- properties: the names show in Spin's message ------------------------------------------------------- */
#ifndef OFF3
#define OFF3 0         /* 1: P3 is not asked for                                                                  */
#endif
#ifndef OFF7
#define OFF7 0         /* 1: P7 is not asked for                                                                  */
#endif
#ifndef OFF1
#define OFF1 0         /* 1: P1 is not asked for, to see what is behind it                                        */
#endif
bool P1_no_set_is_sent_twice = OFF1, P2_no_grant_ends_that_somebody_can_refresh = 0,
     P3_no_refusal_over_newer_tokens = OFF3, P4_no_older_set_over_a_newer = 0, P5_everybody_comes_to_rest = 0,
     P6_the_row_is_what_the_server_takes = 0, P7_never_is_never = OFF7;

/* ---- the server ----------------------------------------------------------------------------------------- */
#define MAXT 6
#define FRESH 0
#define SPENT 1        /* spent, and accepted once more */
#define GONE  2
#define DENIED 100
byte nT = 1;
byte st[MAXT];         /* the refresh token of a set                                                              */
byte depth[MAXT];      /* the number of refreshes that led to it: of two sets, the deeper one is newer            */
bool expired[MAXT];    /* the access token                                                                        */
bool sent[MAXT];       /* ghost: the refresh token was sent                                                       */
bool lost[MAXT];       /* ghost: an answer to it was lost                                                         */
bool live = 1;         /* the grant was not revoked                                                               */

/* ---- the store: versions are never used twice ----------------------------------------------------------- */
#define MAXV 24
#define MAXA 10
byte nV = 1, nA, cur = 1;
byte vTok[MAXV];       /* the tokens in a version                                                                 */
byte vAtt[MAXV];       /* its attempt, 0 none                                                                     */
byte vNote[MAXV];      /* whatever else changes with an attempt that brought nothing: answer lost, failures       */
bool vRef[MAXV];       /* it says that the user has to sign in                                                    */
byte vOver[MAXV];      /* the version that it replaced                                                            */
byte holder[MAXA];     /* of an attempt                                                                           */
bool used[MAXA];       /* ghost: a request was sent under it                                                      */
bool aged[MAXA];       /* it stood in the row in an outage                                                        */
bool returned[MAXA];   /* the store has gone back to it                                                          */
bool away;             /* the store is down                                                                       */

/* ---- the nodes ------------------------------------------------------------------------------------------ */
mtype = { IDLE, MARK, MARKED, WAIT, AGAIN, FAILED, REFUSED, GIVEUP };
mtype pc[N] = IDLE;
byte know[N];          /* the version that is remembered, 0 none                                                  */
bool own[N];           /* this node wrote it                                                                      */
byte myVer[N];         /* the version that was read by the flight                                                 */
byte mine[N], mineVer[N]; /* the attempt of the flight, 0 none, and the version that carries it                   */
byte unsent[N];        /* an attempt under which nothing was sent                                                 */
byte set[N];           /* the set whose refresh token was sent                                                    */
byte answer[N];        /* a set, or DENIED                                                                        */
bool again[N];         /* the one replay was sent                                                                 */
byte got[N];           /* tokens that are not in the store yet                                                    */
byte stored[N];        /* the last tokens that this node brought into the store                                   */
byte gotFrom[N], gotAtt[N], gotOver[N]; /* the set and the attempt that brought them, the version to replace      */
bool cut[N];           /* this node does not reach the store                                                      */
bool failing[N];       /* its last call failed: it noticed                                                        */
bool settling[N];      /* it noticed that the store is back                                                       */
bool moved[N];         /* it noticed so since its flight read the row                                             */
bool suspect[N];       /* it has to read the row that it wrote last                                               */

byte outages = OUTAGES, loses = LOSES, cuts = CUTS, exps = EXPS, fails = FAILS, losts = LOSTS, temps = TEMPS,
     crashes = CRASHES;
bool fLost, fCrash;    /* so far */
bool fUnsent;          /* under NEVER, a grant was given up for an attempt under which nothing was sent           */
hidden byte x, j;

#define LOOKS(n) ((LOOK && own[n]) || (LOOK == 2 && know[n] != 0 && vTok[know[n]] == stored[n]))
#define UP(n) (!away && !cut[n] && !failing[n])
#define IN_FLIGHT(a) (mine[holder[a]] == a && pc[holder[a]] != IDLE)
#define HOLDS_FROM(a) (got[holder[a]] != 0 && gotAtt[holder[a]] == a)
/* T of an attempt is over */
#define OVER(a) (!IN_FLIGHT(a) && (!returned[a] || ALL_ARE_DONE) && \
                 (!HOLDS_FROM(a) || (!OBSERVED && aged[a]) || (!BRIEF && cut[holder[a]] && !away)))
#define FREE(n) (vAtt[cur] == 0 || vAtt[cur] == unsent[n] || OVER(vAtt[cur]))
/* under NEVER, its answer cannot come any more */
#define LOST_FOR_GOOD(n) (REPLAY == NEVER && vAtt[cur] != 0 && vAtt[cur] != unsent[n])
#define HELD_BACK(n) (settling[n] && (SETTLE == 1 || (SETTLE == 2 && !LOST_FOR_GOOD(n))))
#define NEEDED (expired[vTok[cur]] && !vRef[cur])
/* a node has nothing to look at, and nothing to write, after an outage */
#define HAD_ITS_TURN(n) (!cut[n] && !failing[n] && !suspect[n] && got[n] == 0)
#define IS_DONE(n) (HAD_ITS_TURN(n) && !settling[n] && pc[n] != WAIT && pc[n] != AGAIN)
#if N > 2
#define ALL_ARE_DONE (IS_DONE(0) && IS_DONE(1) && IS_DONE(2))
#define ALL_HAD_THEIR_TURN (HAD_ITS_TURN(0) && HAD_ITS_TURN(1) && HAD_ITS_TURN(2))
#else
#define ALL_ARE_DONE (IS_DONE(0) && IS_DONE(1))
#define ALL_HAD_THEIR_TURN (HAD_ITS_TURN(0) && HAD_ITS_TURN(1))
#endif
/* the server takes the refresh token of a set; node n holds such a set that is newer than others at a depth */
#define GOOD(t) (live && t != 0 && st[t] != GONE && (st[t] == FRESH || SERVER == GRACE))
#define NEWER(n, d) ((got[n] != 0 && GOOD(got[n]) && depth[got[n]] > d) || \
                     (know[n] != 0 && GOOD(vTok[know[n]]) && depth[vTok[know[n]]] > d))
#define SAME_BUT_ATTEMPT(v, w) (vTok[v] == vTok[w] && (REQUEST == 2 || (vNote[v] == vNote[w] && vRef[v] == vRef[w])))
#define LOST_TOKENS(n) ((RESTORE == 1 && depth[vTok[know[n]]] > depth[vTok[cur]]) || \
                        (RESTORE == 2 && vTok[know[n]] != vTok[cur]))
#define LOST_ATTEMPT(n) (ATTEMPT && own[n] && vAtt[know[n]] != 0 && cur == vOver[know[n]])
#define LOST_REQUEST(n) (REQUEST && settling[n] && own[n] && pc[n] == WAIT && vAtt[know[n]] == mine[n] && \
                         vAtt[cur] != mine[n] && SAME_BUT_ATTEMPT(cur, know[n]))
#define HAS_LOST(n) (LOST_TOKENS(n) || LOST_ATTEMPT(n) || LOST_REQUEST(n))
/* the row as node n knows it to carry its attempt */
#define BASE(n) (vAtt[know[n]] == mine[n] -> know[n] : mineVer[n])

/* a write lands over the current version */
inline put(t, a, note, ref) {
  assert(P4_no_older_set_over_a_newer || depth[t] >= depth[vTok[cur]]);
  nV++; assert(nV < MAXV);
  vTok[nV] = t; vAtt[nV] = a; vNote[nV] = note; vRef[nV] = ref; vOver[nV] = cur; cur = nV
}

inline saved(n) { got[n] = 0; gotFrom[n] = 0; gotAtt[n] = 0; gotOver[n] = 0 }

/* a write of node n was confirmed */
inline wrote(n) { know[n] = cur; own[n] = true }

/* the row is read, and written again if it has gone back */
inline find(n) {
  if
  :: know[n] != 0 && know[n] != cur && HAS_LOST(n) ->
     printf("node %d: reads version %d, ", n, cur);
     put(vTok[know[n]], vAtt[know[n]], vNote[know[n]], vRef[know[n]]); wrote(n);
     printf("writes set %d, attempt %d again as version %d\n", vTok[cur], vAtt[cur], cur)
  :: know[n] == 0 || (know[n] != cur && !HAS_LOST(n)) ->
     know[n] = cur; own[n] = false; printf("node %d: reads version %d, set %d\n", n, cur, vTok[cur])
  :: else
  fi
}

/* the flight has ended; its attempt may stand */
inline land(n) {
  pc[n] = IDLE; mine[n] = 0; mineVer[n] = 0; myVer[n] = 0; set[n] = 0; answer[n] = 0; again[n] = false; moved[n] = false
}

inline refuse(n) {
  for (j : 0 .. N - 1) { assert(P3_no_refusal_over_newer_tokens || j == n || !NEWER(j, depth[vTok[cur]])) };
  put(vTok[cur], 0, vNote[cur], true); wrote(n); printf("node %d: refused, version %d\n", n, cur)
}

inline send(n) {
  assert(P1_no_set_is_sent_twice || !sent[set[n]] || lost[set[n]] || fCrash);
  assert(P7_never_is_never || REPLAY != NEVER || !lost[set[n]]);
  sent[set[n]] = true; used[mine[n]] = true; pc[n] = WAIT;
  printf("node %d: sends set %d under attempt %d\n", n, set[n], mine[n])
}

/* a refresh token reaches the server; x is the answer */
inline serve(t) {
  if
  :: live && st[t] != GONE ->
     nT++; assert(nT < MAXT); depth[nT] = depth[t] + 1; x = nT;
     st[t] = (SERVER == GRACE && st[t] == FRESH -> SPENT : GONE); printf("server: set %d -> %d\n", t, x)
  :: else ->
     x = DENIED;
     if
     :: live ->
        printf("server: REUSE of set %d, the grant is revoked\n", t);
        for (j : 0 .. N - 1) { assert(P2_no_grant_ends_that_somebody_can_refresh || !NEWER(j, depth[t])) };
        assert(P2_no_grant_ends_that_somebody_can_refresh || !GOOD(vTok[cur]));
        live = false
     :: else
     fi
  fi
}

proctype Node(byte n) {
end:
  do
  /* ---- the store goes away and comes back */
  :: d_step { (away || cut[n]) && !failing[n] ->
       failing[n] = true; suspect[n] = (suspect[n] || LOOKS(n)); printf("node %d: a call fails\n", n) }
  :: d_step { failing[n] && !away && !cut[n] ->
       failing[n] = false; settling[n] = true; moved[n] = true; printf("node %d: the store is back\n", n) }
  :: d_step { suspect[n] && UP(n) -> suspect[n] = false; find(n) }
  :: d_step { settling[n] && !APART && UP(n) -> settling[n] = false }
  :: d_step { settling[n] && APART && UP(n) && ALL_HAD_THEIR_TURN ->
       settling[n] = false; printf("node %d: has waited\n", n) }

  /* ---- a flight: reads, and waits while an attempt stands or the store settles */
  :: d_step { pc[n] == IDLE && got[n] == 0 && UP(n) &&
              (know[n] != cur || (NEEDED && FREE(n) && !HELD_BACK(n))) ->
       find(n);
       if
       :: NEEDED && FREE(n) && !HELD_BACK(n) ->
          myVer[n] = cur; moved[n] = false;
          pc[n] = (LOST_FOR_GOOD(n) -> GIVEUP : MARK)
       :: else
       fi }

  /* its attempt is written; the answer to the write may come later, or never */
  :: d_step { pc[n] == MARK && UP(n) ->
       if
       :: cur == myVer[n] ->
          nA++; assert(nA < MAXA); holder[nA] = n; mine[n] = nA;
          if
          :: vAtt[cur] == 0 || vAtt[cur] == unsent[n] -> put(vTok[cur], nA, vNote[cur], vRef[cur])
          :: else ->
             printf("node %d: takes over attempt %d\n", n, vAtt[cur]);
             put(vTok[cur], nA, vNote[cur] | 1, vRef[cur])
          fi;
          set[n] = vTok[cur]; mineVer[n] = cur; pc[n] = MARKED;
          printf("node %d: attempt %d, version %d\n", n, nA, cur)
       :: else -> land(n)
       fi }
  :: d_step { pc[n] == MARK && failing[n] -> land(n) }
  :: d_step { pc[n] == MARKED && (!failing[n] || away || cut[n]) ->
       failing[n] = false; /* an answer that is read late looks as if the store were back, until the next call */
       if
       :: know[n] == myVer[n] -> know[n] = mineVer[n]; own[n] = true
       :: know[n] == mineVer[n] -> own[n] = true
       :: else
       fi;
       if
       :: MOVED && moved[n] -> unsent[n] = mine[n]; land(n); printf("node %d: the store was away, sends nothing\n", n)
       :: else -> unsent[n] = 0; send(n)
       fi }
  :: d_step { pc[n] == MARKED && failing[n] -> unsent[n] = mine[n]; land(n); printf("node %d: sends nothing\n", n) }

  /* the token endpoint answers, or not */
  :: d_step { pc[n] == WAIT && answer[n] == 0 -> serve(set[n]); answer[n] = x }
  :: d_step { pc[n] == WAIT && answer[n] != 0 && answer[n] != DENIED ->
       got[n] = answer[n]; gotFrom[n] = set[n]; gotAtt[n] = mine[n]; gotOver[n] = BASE(n); land(n) }
  :: d_step { pc[n] == WAIT && answer[n] == DENIED -> pc[n] = REFUSED }
  :: d_step { pc[n] == WAIT && answer[n] == 0 && temps > 0 ->
       temps--; sent[set[n]] = false; pc[n] = FAILED; printf("node %d: temporary failure\n", n) }
  :: d_step { pc[n] == WAIT && losts > 0 -> /* whether the request arrived is the step before */
       losts--; fLost = true; lost[set[n]] = true; answer[n] = 0; printf("node %d: the answer is lost\n", n);
       if
       :: REPLAY == NEVER -> pc[n] = REFUSED
       :: REPLAY == LATE && !again[n] -> again[n] = true; pc[n] = AGAIN
       :: else -> land(n)
       fi }

  /* what became of it is written over the row that carries the attempt; if that moved, it is read again */
  :: d_step { (pc[n] == AGAIN || pc[n] == FAILED || pc[n] == REFUSED) && UP(n) && cur == BASE(n) ->
       if
       :: pc[n] == AGAIN -> put(vTok[cur], mine[n], vNote[cur] | 1, vRef[cur]); wrote(n); mineVer[n] = cur; send(n)
       :: pc[n] == FAILED -> put(vTok[cur], 0, vNote[cur] + 2, vRef[cur]); wrote(n); land(n)
       :: pc[n] == REFUSED -> refuse(n); land(n)
       fi }
  :: d_step { (pc[n] == AGAIN || pc[n] == FAILED || pc[n] == REFUSED) && UP(n) && cur != BASE(n) ->
       find(n);
       if :: vAtt[know[n]] != mine[n] -> land(n) :: else fi }
  :: d_step { (pc[n] == AGAIN || pc[n] == FAILED || pc[n] == REFUSED) && failing[n] -> land(n) }

  /* the attempt of somebody whose answer was lost: the grant is given up */
  :: d_step { pc[n] == GIVEUP && UP(n) ->
       if
       :: cur == myVer[n] -> fUnsent = (fUnsent || !used[vAtt[cur]]); refuse(n)
       :: else
       fi;
       land(n) }
  :: d_step { pc[n] == GIVEUP && failing[n] -> land(n) }

  /* ---- new tokens are written */
  :: d_step { got[n] != 0 && UP(n) && cur == gotOver[n] ->
       put(got[n], 0, 0, false); wrote(n); stored[n] = got[n]; saved(n);
       printf("node %d: stores set %d, version %d\n", n, vTok[cur], cur) }
  :: d_step { got[n] != 0 && UP(n) && cur == gotOver[n] && fails > 0 ->
       fails--; put(got[n], 0, 0, false);
       printf("node %d: stores set %d, version %d, and hears nothing\n", n, vTok[cur], cur) }
  :: d_step { got[n] != 0 && UP(n) && cur != gotOver[n] ->
       find(n);
       if
       :: vTok[cur] == gotFrom[n] -> gotOver[n] = cur
       :: vTok[cur] == got[n] -> stored[n] = got[n]; saved(n); printf("node %d: the write had landed\n", n)
       :: else -> printf("node %d: version %d has set %d, drops set %d\n", n, cur, vTok[cur], got[n]); saved(n)
       fi }
  :: d_step { got[n] != 0 && failing[n] && !UNSAVED -> saved(n); printf("node %d: new tokens are lost\n", n) }

  /* ---- the node dies and comes back with an empty memory */
  :: d_step { crashes > 0 ->
       crashes--; fCrash = true; printf("node %d: CRASH\n", n); land(n);
       saved(n); stored[n] = 0; know[n] = 0; own[n] = false; unsent[n] = 0;
       suspect[n] = false; settling[n] = false; failing[n] = false }
  od
}

proctype World() {
end:
  do
  :: d_step { outages > 0 && !away ->
       outages--; away = true; aged[vAtt[cur]] = !OBSERVED;
       for (j : 0 .. N - 1) { cut[j] = true }; printf("OUTAGE\n") }
  :: d_step { away && loses > 0 && vOver[cur] != 0 ->
       loses--; cur = vOver[cur]; returned[vAtt[cur]] = ANEW; printf("the store goes back to version %d\n", cur) }
  :: d_step { away -> away = false; printf("the store is back\n") }
  :: d_step { !away && cut[0] && (failing[0] || !NOTICE) -> cut[0] = false }
  :: d_step { !away && cut[1] && (failing[1] || !NOTICE) -> cut[1] = false }
#if N > 2
  :: d_step { !away && cut[2] && (failing[2] || !NOTICE) -> cut[2] = false }
#endif
  :: d_step { cuts > 0 && !cut[0] -> cuts--; cut[0] = true; printf("node 0 is cut off\n") }
  :: d_step { cuts > 0 && !cut[1] -> cuts--; cut[1] = true; printf("node 1 is cut off\n") }
  :: d_step { exps > 0 && !expired[nT] -> exps--; expired[nT] = true; printf("set %d expires\n", nT) }
  /* nothing more happens */
  :: d_step { outages + loses + cuts + exps + fails + losts + temps + crashes > 0 ->
       outages = 0; loses = 0; cuts = 0; exps = 0; fails = 0; losts = 0; temps = 0; crashes = 0 }
  od
}

/* nothing can move any more: is everybody at rest, and can the row be refreshed? */
proctype Monitor() {
  timeout ->
  d_step {
    for (j : 0 .. N - 1) {
      assert(P5_everybody_comes_to_rest || (pc[j] == IDLE && got[j] == 0 && !failing[j] && !settling[j] && !suspect[j]))
    };
    assert(P6_the_row_is_what_the_server_takes || fLost || fCrash || fUnsent || (!vRef[cur] && GOOD(vTok[cur])))
  }
}

init {
  d_step { vTok[1] = 1; expired[1] = true };
  atomic {
    run World(); run Monitor(); run Node(0); run Node(1);
#if N > 2
    run Node(2);
#endif
  }
}
