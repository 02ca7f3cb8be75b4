"""Every quantity that the model can be asked for by name: one literal table, name -> function of its parameters.

`evaluate(name, parameters)` is what `bellhop capacity evaluate` answers each line with. Parameter names are those of
published tables (gamma, eta, N, T1, T2, …), units in the docstrings of the functions.
"""

# ruff: noqa: N803, PLW0108 - parameters are called by keyword and named as published tables name them

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bot.capacity import (
    bosonic,
    channels,
    code_choice,
    codes,
    compose,
    correlation,
    decoy,
    erasures,
    finite_block,
    key_rate,
    latency,
    memory_circuit,
    path,
    pool,
    published,
    questions,
    reference_case,
    repeater,
    surface,
    thresholds,
)
from bot.capacity import pauli as paulis
from bot.capacity.ranges import CapacityRangeError

Function = Callable[..., Any]
Parameters = Mapping[str, Any]

QUANTITIES: Mapping[str, Function] = {
    "amplitude_damping.C_EA": channels.damping_assisted,
    "amplitude_damping.C_holevo": channels.damping_holevo,
    "amplitude_damping.Q": channels.damping_q,
    "amplitude_damping.Q2_lower": channels.damping_two_way_lower,
    "amplitude_damping.Q2_upper_squashed": channels.damping_squashed,
    "attribution.capacity_baseline": reference_case.at_baseline,
    "attribution.capacity_incident": reference_case.at_incident,
    "attribution.one_at_a_time": reference_case.one_at_a_time,
    "attribution.shapley": reference_case.shapley,
    "attribution.shapley_closed_game": reference_case.closed_game,
    "bb84.rate_asymptotic": lambda Q, f: published.rate(key_rate.bb84(Q, f)),
    "bb84.threshold_qber": lambda: key_rate.bb84_threshold(),
    "bb84.threshold_qber_preprocessing": lambda flip_probability: key_rate.preprocessing_threshold(flip_probability),
    "bb84.threshold_qber_with_f": lambda f: key_rate.bb84_threshold(f),
    "bbpssw.F_out": lambda F: repeater.bbpssw(F, F)[0],
    "bbpssw.F_out_unequal": lambda F1, F2: repeater.bbpssw(F1, F2)[0],
    "bbpssw.p_success": lambda F: repeater.bbpssw(F, F)[1],
    "bbpssw_noisy.F_out": lambda F, eta, p2: repeater.bbpssw_noisy(F, p2, eta),
    "chain.capacity": repeater.chain,
    "chain.capacity_equispaced": lambda eta, N: repeater.equispaced(eta, N),
    "chain.repeaters_needed": repeater.repeaters_needed,
    "channel.antidegradable_threshold": thresholds.antidegradable,
    "channel.antidegradable_threshold_biased": thresholds.antidegradable_biased,
    "channel.symmetric_extension_margin": published.margin,
    "code_422.p_accept": lambda p: code_choice.detection_accepted(p),
    "code_422.p_logical_given_accept": lambda p: code_choice.detection_error(p),
    "code_513.breakeven_p": lambda: codes.five_qubit_breakeven(),
    "code_513.p_logical": lambda p: codes.enumerate_weights(codes.FIVE_QUBIT, p),
    "code_repetition.circuit_p_logical": memory_circuit.repetition_failure,
    "code_repetition.p_logical": codes.repetition_failure,
    "code_steane.p_logical": lambda p: codes.enumerate_weights(codes.STEANE, p),
    "compose.amplitude_damping": compose.damping_q,
    "compose.depolarizing": compose.depolarizing,
    "compose.erasure": compose.erasure_q,
    "compose.heterogeneous_I1": compose.series_lower,
    "compose.pauli_hashing": compose.pauli_hashing,
    "compose.series_upper": compose.series_upper,
    "correlation.excess_p_value": correlation.excess_p_value,
    "correlation.fano_burst_mixture": correlation.fano_burst,
    "correlation.fano_independent_baseline": correlation.fano_baseline,
    "correlation.logical_excess_ratio_rep": correlation.repetition_excess,
    "correlation.p_ij": correlation.pair_probability,
    "correlation.p_ij_standard_error": correlation.pair_standard_error,
    "cost.code_choice": published.choice,
    "cost.per_delivered_logical_qubit": published.cost,
    "decoy.max_distance": lambda **device: decoy.max_distance(published.device(device)),
    "decoy.rate_asymptotic": lambda L, mu, **device: published.rate(decoy.rate(published.device(device), L, mu)),
    "decoy.rate_weak_vacuum": lambda L, mu, nu, **device: published.rate(
        decoy.rate_weak_vacuum(published.device(device), L, mu, nu)
    ),
    "dejmps.F_out": lambda coeffs: repeater.dejmps(coeffs)[0][0],
    "dejmps.p_success": lambda coeffs: repeater.dejmps(coeffs)[1],
    "dephasing.C_EA": channels.dephasing_assisted,
    "dephasing.Q": channels.dephasing_q,
    "dephasing.R_converse": finite_block.converse,
    "dephasing.R_second_order": finite_block.dephasing_expansion,
    "dephasing.blocklength_for_90pct": finite_block.blocklength,
    "dephasing.dispersion": finite_block.dephasing_dispersion,
    "dephasing.k_achievable": finite_block.dephasing_k,
    "depolarizing.C": channels.depolarizing_c,
    "depolarizing.C_EA": channels.depolarizing_assisted,
    "depolarizing.Q2_upper": channels.depolarizing_two_way_upper,
    "depolarizing.Q_upper": channels.depolarizing_upper,
    "depolarizing.R_converse_2way": finite_block.converse,
    "depolarizing.R_second_order": finite_block.depolarizing_expansion,
    "depolarizing.dispersion": finite_block.depolarizing_dispersion,
    "depolarizing.hashing": channels.depolarizing_hashing,
    "depolarizing.k_achievable": finite_block.depolarizing_k,
    "erasure.C": channels.erasure_two_way,
    "erasure.C_EA": channels.erasure_assisted,
    "erasure.Q": channels.erasure_q,
    "erasure.Q2": channels.erasure_two_way,
    "erasure.R_second_order_assisted": finite_block.erasure_expansion,
    "erasure.k_achievable_unassisted": finite_block.erasure_k,
    "erasure.k_exact_assisted": finite_block.erasure_k_assisted,
    "erasure_pauli.Q_lower": lambda e, p: channels.flagged_pauli_lower(e, p),
    "fibre.transmissivity": bosonic.fibre,
    "finite_key.length": lambda n, k, Q, f, eps_sec, eps_cor: key_rate.finite_length(
        n=n, k=k, qber=Q, efficiency=f, security=eps_sec, correctness=eps_cor
    ),
    "finite_key.mu": lambda n, k, eps_sec: key_rate.statistical_deviation(n, k, eps_sec),
    "finite_key.penalty_fraction": lambda n, k, Q, f, eps_sec, eps_cor: key_rate.finite_penalty(
        n=n, k=k, qber=Q, efficiency=f, security=eps_sec, correctness=eps_cor
    ),
    "generalized_amplitude_damping.Q_lower": lambda gamma, N: channels.generalized_damping_lower(gamma, N),
    "latency.backlog_wait": latency.backlog_wait,
    "latency.idle_error": lambda dt, T1, T2: latency.idle_error(dt, T1, T2),
    "latency.kappa_idle": lambda: surface.KAPPA_IDLE,
    "latency.logical_success": lambda d, p, t_dec, t_budget, T1, T2, rounds: latency.logical_success(
        d=d, p=p, t_dec=t_dec, t_budget=t_budget, t1_s=T1, t2_s=T2, rounds=rounds
    ),
    "latency.md1_mean_wait": latency.md1_wait,
    "latency.mm1_wait_tail": latency.mm1_tail,
    "latency.surface_p_logical_idle": memory_circuit.idle_failure,
    "link.heralded_rate_barrett_kok": lambda length_km, alpha, eta0, t_overhead: repeater.barrett_kok_rate(
        length_km, alpha, eta0, t_overhead
    ),
    "link.p_success_barrett_kok": lambda length_km, alpha_db_km, eta_memory, eta_detector: repeater.barrett_kok(
        length_km, alpha_db_km, eta_memory * eta_detector
    ),
    "nested_bbpssw.F_final": lambda F0, F_target: repeater.nested_bbpssw(F0, F_target).fidelity,
    "nested_bbpssw.raw_pairs_per_output": lambda F0, F_target: repeater.nested_bbpssw(F0, F_target).raw_pairs,
    "nested_bbpssw.rounds": lambda F0, F_target: repeater.nested_bbpssw(F0, F_target).rounds,
    "nested_dejmps.F_final": lambda F0, F_target: repeater.nested_dejmps(F0, F_target).fidelity,
    "nested_dejmps.raw_pairs_per_output": lambda F0, F_target: repeater.nested_dejmps(F0, F_target).raw_pairs,
    "nested_dejmps.rounds": lambda F0, F_target: repeater.nested_dejmps(F0, F_target).rounds,
    "network.multipath_capacity": lambda edges: path.multipath(edges),
    "network.single_path_capacity": lambda edges: path.single_path(edges),
    "parallel.additive_Q": compose.parallel_q,
    "pauli.C": channels.pauli_c,
    "pauli.hashing": channels.pauli_hashing,
    "pauli.hashing_zero": thresholds.hashing_zero,
    "pauli.hashing_zero_biased": thresholds.hashing_zero_biased,
    "pool.depletion_quantile": lambda q, N0, lam, mu: pool.depletion_quantile(q, N0, lam, mu),
    "pool.depletion_std_estimated_rates": lambda N0, lam, mu, T_obs: pool.std_depletion_estimated(N0, lam, mu, T_obs),
    "pool.eventual_depletion_prob": lambda N0, lam, mu: pool.eventual_depletion(N0, lam, mu),
    "pool.fluid_depletion_time": lambda N0, lam, mu, delta: pool.fluid_depletion(N0, lam, mu, delta),
    "pool.mean_depletion_time": lambda N0, lam, mu: pool.mean_depletion(N0, lam, mu),
    "pool.mean_depletion_time_capped": lambda N0, lam, mu, K: pool.mean_depletion_capped(N0, lam, mu, K),
    "pool.prob_stockout_by": lambda N0, lam, mu, t: pool.stockout_by(N0, lam, mu, t),
    "pool.std_depletion_time": lambda N0, lam, mu: pool.std_depletion(N0, lam, mu),
    "pool.stockout_prob_MM1K": lambda lam, mu, K: pool.stockout_stationary(lam, mu, K),
    "pool.stockout_prob_decay": lambda lam, mu, delta, K: pool.stockout_expiring(lam, mu, delta, K),
    "pure_loss.C": lambda eta, N: bosonic.loss_c(eta, N),
    "pure_loss.C_EA": lambda eta, N: bosonic.loss_assisted(eta, N),
    "pure_loss.Q": bosonic.loss_q,
    "pure_loss.Q2_PLOB": bosonic.repeaterless_bound,
    "pure_loss.Q_energy_constrained": lambda eta, N: bosonic.loss_q_limited(eta, N),
    "repeater.E_max_attempts": lambda p, N: repeater.mean_attempts(p, N),
    "repeater.two_segment_fidelity_memory": lambda F1, F2, p, T0_over_tau: repeater.two_segment_fidelity(
        F1, F2, p, T0_over_tau
    ),
    "repeater.two_segment_memory_factor": lambda p, T0_over_tau: repeater.memory_factor(p, T0_over_tau),
    "repeater.two_segment_rate": lambda p, q, T0: repeater.two_segment_rate(p, q, T0),
    "sixstate.rate_asymptotic": lambda Q: published.rate(key_rate.six_state(Q)),
    "sixstate.threshold_qber": lambda: key_rate.six_state_threshold(),
    "statistics.clopper_pearson_lower": lambda k, n, alpha: correlation.clopper_pearson(k, n, alpha)[0],
    "statistics.clopper_pearson_upper": lambda k, n, alpha: correlation.clopper_pearson(k, n, alpha)[1],
    "surface_rotated.capacity_p_logical": published.capacity_failure,
    "surface_rotated.capacity_p_logical_total": published.total,
    "surface_rotated.circuit_p_logical": memory_circuit.circuit_failure,
    "surface_rotated.erasure_p_logical": erasures.erasure_failure,
    "surface_rotated.fit_A": lambda model: published.fit(model, surface.A, surface.A_PHENOMENOLOGICAL),
    "surface_rotated.fit_p_star": lambda model: published.fit(model, surface.P_STAR, surface.P_STAR_PHENOMENOLOGICAL),
    "surface_rotated.p_logical_per_round": published.per_round,
    "surface_rotated.phenomenological_p_logical": memory_circuit.phenomenological_failure,
    "surface_rotated_d3.erasure_biased_p_logical_X": erasures.erasure_flip_failure,
    "swap.max_links_for_fidelity": lambda F_link, F_target: repeater.most_links(F_link, F_target),
    "swap.werner_fidelity": lambda F: repeater.swapped(F),
    "swap.werner_fidelity_noisy": lambda F, p2, eta: repeater.swapped(F, p2, eta),
    "t1t2.Q_lower": lambda t, T1, T2: channels.memory_lower(t, T1, T2),
    "t1t2.Q_upper": lambda t, T1, T2: channels.memory_upper(t, T1, T2),
    "t1t2.entanglement_fidelity": lambda t, T1, T2: channels.memory_fidelity(t, T1, T2),
    "t1t2.hashing_twirled": lambda t, T1, T2: paulis.hashing(paulis.memory(t, T1, T2)),
    "t1t2.twirl_px": lambda t, T1, T2: paulis.memory(t, T1, T2).x,
    "t1t2.twirl_pz": lambda t, T1, T2: paulis.memory(t, T1, T2).z,
    "teleport.avg_fidelity": lambda F: repeater.teleported(F),
    "thermal_loss.Q2_lower": lambda eta, nbar: bosonic.thermal_two_way_lower(eta, nbar),
    "thermal_loss.Q2_upper": lambda eta, nbar: bosonic.thermal_two_way_upper(eta, nbar),
    "thermal_loss.Q_lower": lambda eta, nbar: bosonic.thermal_lower(eta, nbar),
    "thermal_loss.Q_upper": lambda eta, nbar: bosonic.thermal_upper(eta, nbar),
    "werner.bb84_rate": lambda F: published.rate(key_rate.werner_bb84(F)),
    "werner.hashing_rate": lambda F: published.rate(key_rate.werner_hashing(F)),
}


def evaluate(quantity: str, parameters: Parameters) -> float | str:
    """The value of a quantity (a code's name for `cost.code_choice`); raises CapacityRangeError with what is wrong."""
    if quantity not in QUANTITIES:
        near = [name for name in QUANTITIES if name.split(".")[0] == quantity.split(".", maxsplit=1)[0]]
        raise CapacityRangeError("quantity", quantity, ", ".join(near or sorted({n.split(".")[0] for n in QUANTITIES})))
    function = QUANTITIES[quantity]
    questions.bind(function, parameters)
    questions.check(parameters)
    try:
        with np.errstate(all="ignore"):  # what has no value is answered as such, below
            answer = function(**parameters)
    except CapacityRangeError:
        raise
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError) as wrong:
        raise CapacityRangeError("parameters", str(dict(parameters)), f"values that fit {quantity}: {wrong}") from wrong
    if isinstance(answer, str):
        return answer
    if np.size(answer) != 1:
        raise CapacityRangeError("parameters", str(dict(parameters)), "one value each; ask a line for every point")
    return float(np.asarray(answer).reshape(()))
