//! What the checker asks of the control plane: `check_engine.pb-c.c`.

pb_c::messages! {
    package "shared";

    Shared__CheckReportReq "shared.CheckReportReq" {
        report: message(Chk__CheckReport, chk__check_report__descriptor) = 1,
    }
    functions
        shared__check_report_req__init
        shared__check_report_req__get_packed_size
        shared__check_report_req__pack
        shared__check_report_req__pack_to_buffer
        shared__check_report_req__unpack
        shared__check_report_req__free_unpacked;
    descriptor shared__check_report_req__descriptor;

    Shared__CheckReportResp "shared.CheckReportResp" {
        status: int32 = 1,
    }
    functions
        shared__check_report_resp__init
        shared__check_report_resp__get_packed_size
        shared__check_report_resp__pack
        shared__check_report_resp__pack_to_buffer
        shared__check_report_resp__unpack
        shared__check_report_resp__free_unpacked;
    descriptor shared__check_report_resp__descriptor;

    Shared__CheckListPoolReq "shared.CheckListPoolReq" {}
    functions
        shared__check_list_pool_req__init
        shared__check_list_pool_req__get_packed_size
        shared__check_list_pool_req__pack
        shared__check_list_pool_req__pack_to_buffer
        shared__check_list_pool_req__unpack
        shared__check_list_pool_req__free_unpacked;
    descriptor shared__check_list_pool_req__descriptor;

    Shared__CheckListPoolResp__OnePool "shared.CheckListPoolResp.OnePool" {
        uuid: string = 1,
        label: string = 2,
        svcreps [n_svcreps]: uint32 = 3,
    }
    functions shared__check_list_pool_resp__one_pool__init;
    descriptor shared__check_list_pool_resp__one_pool__descriptor;

    Shared__CheckListPoolResp "shared.CheckListPoolResp" {
        status: int32 = 1,
        pools [n_pools]:
            message(Shared__CheckListPoolResp__OnePool, shared__check_list_pool_resp__one_pool__descriptor) = 2,
    }
    functions
        shared__check_list_pool_resp__init
        shared__check_list_pool_resp__get_packed_size
        shared__check_list_pool_resp__pack
        shared__check_list_pool_resp__pack_to_buffer
        shared__check_list_pool_resp__unpack
        shared__check_list_pool_resp__free_unpacked;
    descriptor shared__check_list_pool_resp__descriptor;

    Shared__CheckRegPoolReq "shared.CheckRegPoolReq" {
        seq: uint64 = 1,
        uuid: string = 2,
        label: string = 3,
        svcreps [n_svcreps]: uint32 = 4,
    }
    functions
        shared__check_reg_pool_req__init
        shared__check_reg_pool_req__get_packed_size
        shared__check_reg_pool_req__pack
        shared__check_reg_pool_req__pack_to_buffer
        shared__check_reg_pool_req__unpack
        shared__check_reg_pool_req__free_unpacked;
    descriptor shared__check_reg_pool_req__descriptor;

    Shared__CheckRegPoolResp "shared.CheckRegPoolResp" {
        status: int32 = 1,
    }
    functions
        shared__check_reg_pool_resp__init
        shared__check_reg_pool_resp__get_packed_size
        shared__check_reg_pool_resp__pack
        shared__check_reg_pool_resp__pack_to_buffer
        shared__check_reg_pool_resp__unpack
        shared__check_reg_pool_resp__free_unpacked;
    descriptor shared__check_reg_pool_resp__descriptor;

    Shared__CheckDeregPoolReq "shared.CheckDeregPoolReq" {
        seq: uint64 = 1,
        uuid: string = 2,
    }
    functions
        shared__check_dereg_pool_req__init
        shared__check_dereg_pool_req__get_packed_size
        shared__check_dereg_pool_req__pack
        shared__check_dereg_pool_req__pack_to_buffer
        shared__check_dereg_pool_req__unpack
        shared__check_dereg_pool_req__free_unpacked;
    descriptor shared__check_dereg_pool_req__descriptor;

    Shared__CheckDeregPoolResp "shared.CheckDeregPoolResp" {
        status: int32 = 1,
    }
    functions
        shared__check_dereg_pool_resp__init
        shared__check_dereg_pool_resp__get_packed_size
        shared__check_dereg_pool_resp__pack
        shared__check_dereg_pool_resp__pack_to_buffer
        shared__check_dereg_pool_resp__unpack
        shared__check_dereg_pool_resp__free_unpacked;
    descriptor shared__check_dereg_pool_resp__descriptor;
}

// The report is the checker's, which need not be there: a module that makes reports has their descriptor, and writing
// one takes that of the report itself. Without this line the library could not be loaded without the module.
core::arch::global_asm!(".weak chk__check_report__descriptor");
