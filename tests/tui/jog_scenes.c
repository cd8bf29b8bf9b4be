// SPDX-License-Identifier: GPL-2.0-or-later
/* Made-up pumps moved by hand, to draw. */
#include <string.h>

#include "jog_screen.h"

static void jog_scene_draw(struct cells *cells, const char *name)
{
	struct jog_state state = { .stride = 1, .rate_nhz = 320000000000LL };
	struct jog_view view = {
		.name = "rig0", .step_m = 1e-3 / 3200, .step_m3 = 5.4195e-12, .syringe = nanodose_syringe_find("BD Plastipak 1 mL"),
		.info = {
			.name = "nanodose0", .lead_pitch_nm = 1000000, .microsteps_per_rev = 3200,
			.features = NANODOSE_FEATURE_FLOW | NANODOSE_FEATURE_PRESSURE | NANODOSE_FEATURE_LIMIT_PLUS |
				    NANODOSE_FEATURE_LIMIT_MINUS,
		},
		.status = { .position = 1234, .flow_pl_min = 103500000, .temperature_mdegc = 24500, .pressure_pa = 12300 },
		.task = JOG_MOVE,
	};

	if (!strcmp(name, "jog-bare")) {
		view.syringe = NULL;
		view.step_m3 = NAN;
		view.info.features = 0;
		view.task = JOG_REST;
	} else if (!strcmp(name, "jog-fault")) {
		view.task = JOG_REST;
		view.status.faults = NANODOSE_FAULT_ESTOP | NANODOSE_FAULT_SENSOR_LOST;
		view.status.flow_pl_min = NANODOSE_NO_VALUE_S64;
		view.status.temperature_mdegc = NANODOSE_NO_VALUE_S32;
		view.result = NANODOSE_EXIT_FAULT;
		strcpy(view.message, "infused 1.003 uL, 57.81 um (185 steps), then stopped by a fault");
	} else if (!strcmp(name, "jog-prime")) {
		view.task = JOG_PRIME;
		view.sensor_flags = NANODOSE_SENSOR_FLAG_AIR;
	} else if (!strcmp(name, "jog-home")) {
		view.task = JOG_REST;
		view.status.flags = NANODOSE_STATUS_LIMIT_MINUS;
		state.ask_home = true;
	}
	jog_draw(cells, &view, &state);
}
